/**
 * People who sign commits: with GnuPG, with SSH and with nixsig's own keys. The keys are made once
 * for a test file.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import { judgeRevision, type RevisionVerdict } from '../../src/expressions/judge-revision.ts'
import { readRevision } from '../../src/expressions/read-revision.ts'
import type { Revision } from '../../src/expressions/revision.ts'
import { signerUri } from '../../src/formats/in-toto/predicates.ts'
import {
  printRevisionStatement,
  type RevisionStatement,
} from '../../src/formats/in-toto/revision-statement.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
import { type OpenRepository, openRepository } from '../../src/git/open-repository.ts'
import { exitCode } from '../../src/policy/exit-code.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { type TestRepository, testRepository } from './git.ts'
import { openGnupg } from './gnupg.ts'
import { signer } from './trust.ts'

/** Keys of GnuPG: two that are valid, one that has expired, one that was revoked, and a stranger's. */
const OPENPGP = ['alice', 'bob', 'ex', 'rev', 'mallory'] as const
type OpenPgpName = (typeof OPENPGP)[number]

export type SigningTeam = ReturnType<typeof signingTeam>

/** Makes everybody's keys. Call `remove` at the end. */
export function signingTeam() {
  const dir = mkdtempSync('/tmp/nixsig-team-')
  const gnupg = openGnupg()
  const fingerprints = Object.fromEntries(
    OPENPGP.map(name => {
      const options = name === 'ex' ? { at: '20230101T000000', expire: '20230201T000000' } : {}
      return [name, gnupg.makeKey(name, options)]
    }),
  ) as Record<OpenPgpName, string>
  gnupg.gpg(['--quick-add-key', fingerprints.bob, 'ed25519', 'sign', 'never'])
  const dave = join(dir, 'dave')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'dave', '-f', dave])
  const erin = signer('erin')
  const exportAll = () => {
    for (const name of OPENPGP) gnupg.exportTo(join(dir, `${name}.pgp`), fingerprints[name])
  }
  exportAll()

  /** The text of a policy in which everybody but mallory is listed. */
  const policyText = (rest: string) =>
    `version = 1
mode = "enforce"
[principals]
${(['alice', 'bob', 'ex', 'rev'] as const)
  .map(name => `${name}.keys = [{ openpgp = "${fingerprints[name]}", certificate = "${name}.pgp" }]`)
  .join('\n')}
dave.keys = ["${readFileSync(`${dave}.pub`, 'utf8').trim()}"]
erin.keys = ["${erin.publicKey}"]
[groups]
one = { members = ["alice", "bob", "dave", "erin", "ex", "rev"], threshold = 1 }
two = { members = ["alice", "bob", "dave", "erin", "ex", "rev"], threshold = 2 }
three = { members = ["alice", "bob", "dave", "erin", "ex", "rev"], threshold = 3 }
[default]
require = { source = "refuse", derivation = "refuse", output = "refuse" }
${rest}`

  return {
    dir,
    gnupg,
    fingerprints,
    /** The file of dave's secret SSH key. */
    dave,
    erin,
    /** Has `rev` revoke the own key, with a certificate that GnuPG made with it. */
    revoke: () => {
      const file = join(gnupg.dir, 'openpgp-revocs.d', `${fingerprints.rev}.rev`)
      const text = readFileSync(file, 'utf8').replace(':-----BEGIN', '-----BEGIN')
      gnupg.gpg(['--import'], { input: text })
      exportAll()
    },
    policyText,
    /** The policy that demands this of every commit. */
    policy: (require: string): Policy =>
      parsePolicy({
        toml: policyText(`[[inputs]]\nurl = "*"\nrequire = ${require}\n`),
        file: 'policy.toml',
        directory: dir,
        certificate: path => readFileSync(path),
      }),
    /** A repository with one commit, made so that git signs with GnuPG as alice. */
    repository: (name: string): TestRepository => {
      const repository = testRepository(join(dir, name), { 'user.signingKey': fingerprints.alice })
      writeFileSync(join(repository.directory, 'file'), `${name}\n`)
      repository.git('add', 'file')
      repository.git('commit', '-q', '-m', `The first of ${name}`)
      return repository
    },
    remove: () => {
      gnupg.remove()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Makes everybody's keys for a test file, where GnuPG looks for them, and removes them at its end. */
export function teamOfFile(): SigningTeam {
  const team = signingTeam()
  process.env['GNUPGHOME'] = team.gnupg.dir
  after(() => team.remove())
  return team
}

/** Makes a further commit, whose file has the message as contents; returns its id. */
export function commitTo(
  { directory, git }: TestRepository,
  message: string,
  ...args: readonly string[]
): string {
  writeFileSync(join(directory, 'file'), `${message}\n`)
  git('add', 'file')
  git('commit', '-q', '-m', message, ...args)
  return git('rev-parse', 'HEAD')
}

/** What git-sig signs for a revision. */
export function gitSigText({ git }: TestRepository, revision = 'HEAD'): string {
  return `sig:v0:${git('rev-parse', revision)}:${git('rev-parse', `${revision}^{tree}`)}:null:pgp`
}

/** A line as git-sig makes it; `signed` is what the signature is over, if that is not the line's text. */
export function gitSigLine(
  { gnupg, dir, fingerprints }: SigningTeam,
  who: OpenPgpName,
  text: string,
  options: { readonly signed?: string; readonly at?: string; readonly key?: string } = {},
): string {
  const { signed = text, at, key = fingerprints[who] } = options
  const file = join(dir, 'body')
  writeFileSync(file, signed)
  return `${text}:${gnupg.sign(file, key, [], at).toString('base64')}`
}

/** Appends a line to the notes of a commit, as git-sig does. */
export function annotate({ git }: TestRepository, line: string, revision = 'HEAD', ref = 'signatures'): void {
  git('notes', `--ref=${ref}`, 'append', '-m', line, revision)
}

/** Does something with a repository while it is open. */
export async function opened<T>(
  { directory }: Pick<TestRepository, 'directory'>,
  use: (repository: OpenRepository) => Promise<T>,
): Promise<T> {
  const repository = openRepository(directory)
  try {
    return await use(repository)
  } finally {
    repository.close()
  }
}

/** A commit of a repository, with its tree hashed. */
export function revisionOf(repository: TestRepository, name = 'HEAD'): Promise<Revision> {
  return opened(repository, async open => {
    return (await readRevision(open, await open.resolve(name), 'hashed')).revision
  })
}

/** A line for nixsig's notes that erin signs, as a committer unless it says something else. */
export function lineByErin({ erin }: SigningTeam, said: Revision & Partial<RevisionStatement>): string {
  const by = signerUri('verifier', sshFingerprint(erin.key.publicKey))
  const statement = { role: 'committer', signer: by, signedOn: 1, ...said } as const
  return signEnvelope(printRevisionStatement(statement), erin.key)
}

/** Judges a commit of a repository with the team's policy. */
export function judged(
  team: SigningTeam,
  repository: TestRepository,
  require: string,
  revision = 'HEAD',
): Promise<RevisionVerdict> {
  return opened(repository, async open => {
    const question = { repository: open, url: 'https://example.org/x', commit: await open.resolve(revision) }
    return judgeRevision(team.policy(require), question, Math.floor(Date.now() / 1000))
  })
}

/** A verdict's exit status, and what else was found, by the kind of its problem. */
export function resultOf({ verdict }: RevisionVerdict) {
  return { status: exitCode(verdict), strays: (verdict.strays ?? []).map(({ problem }) => problem) }
}
