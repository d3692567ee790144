/** Repositories whose commits people sign with SSH, locks that pin them, and verdicts on these. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { InputVerdict } from '../../src/expressions/lock/input-verdict.ts'
import { type LockQuestion, verifyLock } from '../../src/expressions/lock/verify-lock.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { type TestRepository, testRepository } from './git.ts'

export type LockWorld = ReturnType<typeof lockWorld>

const PEOPLE = ['alice', 'bob', 'mallory'] as const

/** A directory with keys of alice and bob, who are listed, and of mallory. Call `remove` at the end. */
export function lockWorld() {
  const dir = mkdtempSync('/tmp/nixsig-lock-')
  for (const name of PEOPLE) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(dir, name)])
  }
  const publicKey = (name: string) => readFileSync(join(dir, `${name}.pub`), 'utf8').trim()
  const policyText = (rules: string) => `version = 1
mode = "enforce"
[principals]
alice.keys = ["${publicKey('alice')}"]
bob.keys = ["${publicKey('bob')}"]
[groups]
two = { members = ["alice", "bob"], threshold = 2 }
[default]
require = { source = "refuse", derivation = "refuse", output = "refuse" }
${rules}`
  const policy = (rules: string): Policy => {
    const none = () => new Uint8Array()
    return parsePolicy({ toml: policyText(rules), file: 'policy.toml', directory: dir, certificate: none })
  }
  return {
    dir,
    policyText,
    policy,
    /** A repository with these files in one commit, signed by alice unless `signed` is false. */
    repository: (name: string, files: Readonly<Record<string, string>>, signed = true): TestRepository => {
      const repository = testRepository(join(dir, name), {
        'gpg.format': 'ssh',
        'user.signingKey': join(dir, 'alice'),
      })
      commitFiles(repository, files, signed)
      return repository
    },
    /** Writes files into a directory of its own, which is returned. */
    project: (name: string, files: Readonly<Record<string, string>>): string => {
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, name, file)), { recursive: true })
        writeFileSync(join(dir, name, file), text)
      }
      return join(dir, name)
    },
    /** The verdicts on a directory, without the tree around the lock unless `more` has `self`. */
    verify: (directory: string, rules: string, more: Partial<LockQuestion> = {}) =>
      verifyLock({
        policy: policy(rules),
        now: Math.floor(Date.now() / 1000),
        places: { local: new Map(), mirrors: join(dir, 'mirrors') },
        directory,
        ...more,
      }),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}

/** Commits files; returns the commit's id. */
export function commitFiles(
  { directory, git }: TestRepository,
  files: Readonly<Record<string, string>>,
  signed = true,
): string {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true })
    writeFileSync(join(directory, file), text)
  }
  git('add', '-A')
  git('commit', '-q', '--allow-empty', '-m', 'a commit', ...(signed ? ['-S'] : []))
  return git('rev-parse', 'HEAD')
}

/** The hash that Nix computes for a directory, as locks write it. */
export function sriOf(directory: string): string {
  const hex = execFileSync('nix-hash', ['--type', 'sha256', directory], { encoding: 'utf8' }).trim()
  return `sha256-${Buffer.from(hex, 'hex').toString('base64')}`
}

/** The hash of a commit's files after `git archive`, with which older versions of Nix fetch. */
export function sriOfArchive({ directory, git }: TestRepository, revision = 'HEAD'): string {
  const scratch = mkdtempSync('/tmp/nixsig-archive-')
  try {
    git('archive', '-o', join(scratch, 'a.tar'), revision)
    mkdirSync(join(scratch, 'files'))
    execFileSync('tar', ['-xf', join(scratch, 'a.tar'), '-C', join(scratch, 'files'), '--no-same-owner'])
    return sriOf(join(scratch, 'files'))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
    void directory
  }
}

/** What a node of a lock is locked to, for a repository in a directory. */
export function lockedGit(repository: TestRepository, narHash = sriOfArchive(repository)): object {
  const rev = repository.git('rev-parse', 'HEAD')
  return { type: 'git', url: `file://${repository.directory}`, rev, narHash, lastModified: 1, revCount: 1 }
}

/** A flake.lock whose root has these inputs, each locked to this. */
export function flakeLock(locked: Readonly<Record<string, object>>): string {
  const nodes: Record<string, unknown> = { root: { inputs: {} } }
  const inputs: Record<string, string> = {}
  for (const [name, each] of Object.entries(locked)) {
    inputs[name] = name
    nodes[name] = { locked: each, original: { type: 'indirect', id: 'x' } }
  }
  nodes['root'] = { inputs }
  return `${JSON.stringify({ nodes, root: 'root', version: 7 }, null, 2)}\n`
}

/** The codes of the findings, by input. */
export function codesOf(verdicts: readonly InputVerdict[]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(verdicts.map(({ input, findings }) => [input, findings.map(({ code }) => code)]))
}

/** All messages and notes. */
export function wordsOf(verdicts: readonly InputVerdict[]): string {
  return verdicts
    .flatMap(({ findings, notes }) => [...findings.map(({ message }) => message), ...notes])
    .join('\n')
}
