/**
 * What this machine admitted: one small file a store path, found by the path's hash part alone. docs/ledger.md
 * describes the form for the other programs that read it.
 *
 *     nixsig1 /nix/store/<digest>-<name> sha256:<NAR hash, hex>
 *     policy <SHA-256 of the policy, hex>
 *     until <seconds since 1970, or never>
 *     stamp <inode>:<ctime in nanoseconds, or none>
 *     kind <fetched-source | local-source | derivation | output>
 *     built <here | elsewhere>
 *     derivation <store path, or none>
 *     time <seconds since 1970>
 *     rule <title>
 *     claim <role> <key> <graph or -> <origin>     once for each signature that counted
 *
 * An entry that a change of policy made stale still tells what this machine verified with its own eyes: who signed
 * these very bytes, and whether they were made here. The verifier judges such claims anew under the new policy.
 */
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import type { Role, SubjectKind } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'

/** Bytes that one entry may have, and claims that it keeps. */
const ENTRY_LIMIT = 64 * 1024
const CLAIM_LIMIT = 64

export interface AdmittedClaim {
  readonly key: string
  readonly role: Role
  /** The derivation whose signed build graph covered the path, if that is how the claim reached it. */
  readonly graph: string | undefined
  readonly origin: string
}

export interface Admission {
  readonly path: string
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  /** Digest of the policy under which it was admitted, lower-case hex. */
  readonly policy: string
  /** From this second on the entry is stale; undefined: no end. */
  readonly until: number | undefined
  /** Identity of the path on the disk when its NAR hash was last asked for: see stamp.ts. */
  readonly stamp: string | undefined
  readonly kind: SubjectKind
  /** Whether it was made here, under nixsig's own hooks. */
  readonly builtHere: boolean
  readonly derivation: string | undefined
  /** When, in seconds since 1970. */
  readonly time: number
  readonly rule: string
  readonly claims: readonly AdmittedClaim[]
}

/** The file that holds a path's entry. `digest` is the 32-character hash part of the store path. */
export function entryFile(state: string, digest: string): string {
  return join(state, 'ledger', digest.slice(0, 2), digest)
}

/** Writes or replaces the entry of a path, on the disk when it returns. */
export function writeAdmission(state: string, digest: string, admission: Admission): void {
  const claims = admission.claims
    .slice(0, CLAIM_LIMIT)
    .map(claim => `claim ${claim.role} ${claim.key} ${claim.graph ?? '-'} ${printable(claim.origin)}\n`)
  const lines = [
    `nixsig1 ${admission.path} sha256:${admission.narHash}\n`,
    `policy ${admission.policy}\n`,
    `until ${admission.until ?? 'never'}\n`,
    `stamp ${admission.stamp ?? 'none'}\n`,
    `kind ${admission.kind}\n`,
    `built ${admission.builtHere ? 'here' : 'elsewhere'}\n`,
    `derivation ${admission.derivation ?? 'none'}\n`,
    `time ${admission.time}\n`,
    `rule ${printable(admission.rule)}\n`,
  ]
  writeDurably(entryFile(state, digest), lines.join('') + claims.join(''), { flush: true })
}

/**
 * The entry of a path, current or stale; undefined if there is none. Throws FileError if the file could be somebody
 * else's work or is not an entry of this very path.
 */
export function readAdmission(state: string, digest: string, path: string): Admission | undefined {
  const file = entryFile(state, digest)
  const text = readOwnedFile(file, ENTRY_LIMIT)?.toString('utf8')
  if (text === undefined) return undefined
  const lines = text.split('\n')
  const malformed = (what: string) => new FileError(`ledger entry ${printable(file)} ${what}`)
  if (lines.pop() !== '') throw malformed('breaks off in the middle of a line')
  const start = `nixsig1 ${path} sha256:`
  const head = lines.shift()
  if (!head?.startsWith(start)) throw malformed(`is not about ${printable(path)}`)
  const take = (name: string, form: RegExp): string => {
    const line = lines.shift()
    const value = line?.startsWith(`${name} `) ? line.slice(name.length + 1) : undefined
    if (value === undefined || !form.test(value)) throw malformed(`has no proper "${name}" line`)
    return value
  }
  const narHash = head.slice(start.length)
  if (!/^[0-9a-f]{64}$/.test(narHash)) throw malformed('has no proper NAR hash')
  return {
    path,
    narHash,
    policy: take('policy', /^[0-9a-f]{64}$/),
    until: number(take('until', /^(never|\d{1,15})$/)),
    stamp: unless('none', take('stamp', /^(none|\d+:\d+)$/)),
    kind: take('kind', /^(fetched-source|local-source|derivation|output)$/) as SubjectKind,
    builtHere: take('built', /^(here|elsewhere)$/) === 'here',
    derivation: unless('none', take('derivation', /^(none|\/\S+)$/)),
    time: Number(take('time', /^\d{1,15}$/)),
    rule: take('rule', /^.*$/),
    claims: lines.splice(0).map(line => {
      const form = /^claim (developer|packager|reviewer|builder) (\S+) (\S+) (.*)$/.exec(line)
      const [, role, key, graph, origin] = form ?? []
      if (key === undefined || graph === undefined || origin === undefined) throw malformed('has a bad claim')
      return { role: role as Role, key, graph: unless('-', graph), origin }
    }),
  }
}

/** Whether an entry still speaks: same policy, and not past its end. */
export function isCurrent(admission: Admission, policy: string, now: number): boolean {
  return admission.policy === policy && (admission.until === undefined || now < admission.until)
}

function unless(none: string, value: string): string | undefined {
  return value === none ? undefined : value
}

function number(value: string): number | undefined {
  return value === 'never' ? undefined : Number(value)
}
