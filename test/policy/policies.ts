import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { PolicySource } from '../../src/policy/language/parse.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import type { Policy } from '../../src/policy/policy.ts'
import type { Claim, Evidence, Subject } from '../../src/policy/verdict.ts'
import { toBase64 } from '../../src/primitives/base64.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { ed25519KeyPair, sha256 } from '../../src/primitives/sodium.ts'
import { certificate, FLAGS, flags, keyOfSeed, userId } from '../support/openpgp-maker.ts'
import { policyOfTwo } from '../support/tlog/log.ts'

/** The contents of every file with this extension in the policies of these tests. */
const TRUSTED_ROOT = readFileSync(join(PROJECT_ROOT, 'test/vectors/sigstore/trusted_root.json'))

/** The raw public key for a name in these tests. */
export function publicKeyOf(name: string): Uint8Array {
  return ed25519KeyPair(sha256(Buffer.from(name))).publicKey
}

export function nixKeyOf(name: string): string {
  return `${name}:${toBase64(publicKeyOf(name))}`
}

export function identityOf(name: string): string {
  return `ed25519:${toHex(publicKeyOf(name))}`
}

/** The OpenPGP certificate for a name in these tests. */
export function certificateOf(name: string): Uint8Array {
  const created = Date.UTC(2020, 0) / 1000
  const key = keyOfSeed(created, name)
  return certificate(key, userId(key, name, { created, subpackets: [flags(FLAGS.certify | FLAGS.sign)] }))
}

/** Replaces `KEY(alice-1)` in a policy of these tests by the key of that name in Nix's form. */
export function withKeys(toml: string): string {
  return toml.replace(/KEY\(([^)]*)\)/g, (_, name: string) => nixKeyOf(name))
}

export function sourceOf(toml: string): PolicySource {
  return {
    toml: withKeys(toml),
    file: 'policy.toml',
    directory: '/etc/nixsig',
    certificate: path => {
      if (path.endsWith('.json')) return TRUSTED_ROOT
      return path.endsWith('.txt') ? Buffer.from(policyOfTwo()) : certificateOf(basename(path, '.asc'))
    },
  }
}

export function policyOf(toml: string, more: Partial<PolicySource> = {}): Policy {
  return parsePolicy({ ...sourceOf(toml), ...more })
}

/**
 * A policy whose principals have one key each, `<name>-1`, and that requires two of them for
 * everything.
 */
export function teamPolicy(
  more = '',
  options: { requirement?: string; people?: readonly string[] } = {},
): Policy {
  const people = options.people ?? ['alice', 'bob', 'carol']
  const requirement = options.requirement ?? '"team"'
  return policyOf(`
version = 1
mode = "enforce"
${people.map(name => `principals.${name}.keys = ["KEY(${name}-1)"]`).join('\n')}
groups.team = { members = [${people.map(name => `"${name}"`).join(', ')}], threshold = 2 }
[default]
require = { source = ${requirement}, derivation = ${requirement}, output = ${requirement} }
${more}`)
}

export const HASH = 'ab'.repeat(32)
export const OTHER_HASH = 'cd'.repeat(32)
export const PATH = '/nix/store/0c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-hello-2.12.tar.gz'
export const NOW = Date.UTC(2026, 5, 15) / 1000

export const SOURCE: Subject = {
  path: PATH,
  name: 'hello-2.12.tar.gz',
  kind: 'fetched-source',
  narHash: HASH,
  builtHere: false,
}

/** An output from elsewhere whose derivation is unknown. */
export const OF_UNKNOWN_MAKING: Subject = { ...SOURCE, name: 'hello-2.12', kind: 'output' }

export const OUTPUT: Subject = {
  ...OF_UNKNOWN_MAKING,
  derivation: '/nix/store/1c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-hello-2.12.drv',
}

export function claimBy(key: string, more: Partial<Claim> = {}): Claim {
  return { key: identityOf(key), role: 'packager', path: PATH, narHash: HASH, origin: 'a.jsonl:1', ...more }
}

export function builtBy(key: string, more: Partial<Claim> = {}): Claim {
  return claimBy(key, { role: 'builder', ...more })
}

export function evidenceOf(claims: readonly Claim[], more: Partial<Evidence> = {}): Evidence {
  return { claims, strays: [], troubles: [], ...more }
}
