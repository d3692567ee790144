/** Helpers for the seeds of several targets. Everything is the same in every run. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { printNixPublicKey } from '../src/formats/nix/nix-key.ts'
import { parsePolicy } from '../src/policy/language/parse.ts'
import type { Policy } from '../src/policy/policy.ts'
import { ed25519KeyPair } from '../src/primitives/sodium.ts'

export const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
export const PATH = `/nix/store/${DIGEST}-hello-2.12.tar.gz`
export const OTHER_PATH = '/nix/store/zyxwvsrqpnmlkjihgfdcba9876543210-glibc-2.40'
export const DERIVATION = `/nix/store/${DIGEST}-hello-2.12.drv`
export const NAR_HASH = 'ab'.repeat(32)
export const NOW = 1_790_000_000

export interface Person {
  readonly name: string
  readonly form: string
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

export const ALICE: Person = person('alice')
export const BOB: Person = person('bob')

/** A policy that lists Alice and Bob, and the directories in which it looks for attestations. */
export function policyOfTwo(directories: readonly string[]): Policy {
  const keys = [ALICE, BOB].map(each => `principals.${each.name}.keys = ["${printNixPublicKey(each)}"]`)
  const toml = `version = 1
mode = "enforce"
${keys.join('\n')}
[attestations]
directories = ${JSON.stringify(directories)}
[default]
require = { source = "alice", derivation = "alice", output = "bob" }
`
  const certificate = () => new Uint8Array()
  return parsePolicy({ toml, file: 'policy.toml', directory: '/etc/nixsig', certificate })
}

/** The files of a directory under test/vectors/ whose names end with `suffix`, with their names. */
export function vectors(
  directory: string,
  ending: string,
): readonly (readonly [name: string, bytes: Uint8Array])[] {
  const place = join(PROJECT_ROOT, 'test/vectors', directory)
  const names = readdirSync(place).filter(name => name.endsWith(ending))
  return names.sort().map(name => [name, readFileSync(join(place, name))])
}

function person(name: string): Person {
  return { name, form: 'nix', ...ed25519KeyPair(Buffer.alloc(32, name)) }
}
