/** Repositories of signed expressions, in a world, and the people who sign and approve them. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { copyDist } from './dist.ts'
import { testRepository } from './git.ts'
import { ATTESTATIONS, POLICY } from './trust.ts'
import type { Outcome, RunOptions, World } from './world.ts'

/** The address by which the policy knows the repository. */
export const URL = 'https://git.example.org/x'
export const SOURCE = '/root/x'

/** A derivation that copies a file of its tree. */
export const DEFAULT_NIX = `{ system }: derivation {
  name = "x";
  inherit system;
  builder = "/bin/sh";
  args = [ "-c" "read line < $text; echo $line > $out" ];
  text = ./text;
}
`

/** Two people who sign commits with SSH, made once for a test file. */
export function committers() {
  const dir = mkdtempSync('/tmp/nixsig-committers-')
  const [alice, bob] = ['alice', 'bob'].map(name => {
    const file = join(dir, name)
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file])
    return { file, key: readFileSync(`${file}.pub`, 'utf8').trim() }
  }) as [Committer, Committer]
  return { alice, bob, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

export interface Committer {
  /** The file of the secret key. */
  readonly file: string
  /** As a policy lists it. */
  readonly key: string
}

export interface SourceRepository {
  /** Commits these files, unsigned or signed by somebody; returns the id. */
  commit(files: Readonly<Record<string, string>>, by?: Committer): string
  /** Copies a file or directory of this machine into it; the next commit has it. */
  bring(from: string, name: string): void
  /** Copies the built programs into it, as `copyDist` does. */
  bringDist(name: string): void
  /** Commits a symbolic link, signed. */
  link(name: string, target: string, by: Committer): void
  /** Makes the last commit anew, signed; returns its id. */
  amend(by: Committer): string
  /** Signs a tag on the last commit. */
  tag(name: string, by: Committer): void
}

/** An empty repository, which is copied to SOURCE in a world whenever it changes. */
export function sourceRepository(world: World, at = SOURCE): SourceRepository {
  const { git, directory } = testRepository(mkdtempSync('/tmp/nixsig-source-'), { 'gpg.format': 'ssh' })
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const as = (by: Committer) => ['-c', `user.signingKey=${by.file}`]
  const copy = () => {
    rmSync(world.path(at), { recursive: true, force: true })
    cpSync(directory, world.path(at), { recursive: true })
    return git('rev-parse', 'HEAD')
  }
  return {
    commit(files, by) {
      for (const [name, contents] of Object.entries(files)) {
        mkdirSync(dirname(join(directory, name)), { recursive: true })
        writeFileSync(join(directory, name), contents)
      }
      git('add', '--all')
      git(...(by === undefined ? [] : as(by)), 'commit', '-q', '-m', 'x', ...(by === undefined ? [] : ['-S']))
      return copy()
    },
    bring(from, name) {
      cpSync(from, join(directory, name), { recursive: true })
    },
    bringDist(name) {
      copyDist(join(directory, name))
    },
    link(name, target, by) {
      symlinkSync(target, join(directory, name))
      git('add', '--all')
      git(...as(by), 'commit', '-q', '-S', '-m', 'a link')
      copy()
    },
    amend(by) {
      git(...as(by), 'commit', '-q', '--amend', '-S', '-m', 'amended')
      return copy()
    },
    tag(name, by) {
      git(...as(by), 'tag', '-s', '-m', 'x', name)
      copy()
    },
  }
}

/** A policy under which two committers sign expressions, and `approvers` what comes of them. */
export function approvalPolicy(
  { alice, bob }: { readonly alice: Committer; readonly bob: Committer },
  {
    approvers,
    by,
    rest = '',
    requirement = '"approved"',
    output = '"self"',
  }: {
    /** Public keys by name. */
    readonly approvers: Readonly<Record<string, string>>
    readonly by: string
    readonly rest?: string
    readonly requirement?: string
    readonly output?: string
  },
): string {
  const keys = { alice: alice.key, bob: bob.key, ...approvers }
  return `version = 1
mode = "enforce"
[attestations]
directories = ["${ATTESTATIONS}"]
${Object.entries(keys)
  .map(([name, key]) => `[principals.${name}]\nkeys = ["${key}"]\n`)
  .join('')}[groups]
committers = { members = ["alice", "bob"], threshold = 2 }
[[inputs]]
url = "${URL}"
require = "committers"
[approvals]
by = ${by}
[default]
require.source = ${requirement}
require.derivation = ${requirement}
require.output = ${output}
${rest}`
}

/** Writes the policy of a world. */
export async function writePolicy(world: World, text: string): Promise<void> {
  world.write(POLICY, text)
  await world.output(`mkdir -p ${ATTESTATIONS}`)
}

/** Makes a key in the world; returns its public half. */
export async function newKey(world: World, name: string): Promise<string> {
  await world.output(`/opt/nixsig/nixsig keygen ${name}`)
  return world.read(`/root/${name}.pub`).trim()
}

/** Runs `nixsig approve` on what lies at SOURCE. */
export function approve(world: World, args: string, options?: RunOptions): Promise<Outcome> {
  return world.run(`/opt/nixsig/nixsig approve ${args} --url ${URL}`, options)
}
