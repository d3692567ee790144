/** `nixsig key certify` and `key rotate`: certificates by which one key speaks for another. */

import { envelopeBy } from '../../crypto/envelope.ts'
import { appendLines } from '../../evidence/attestation-files.ts'
import { certificateFile } from '../../evidence/certified/read.ts'
import {
  CERTIFIED_ROLES,
  type KeyCertificateStatement,
  printKeyCertificate,
} from '../../formats/in-toto/key-certificate.ts'
import { parseInstant } from '../../policy/language/instant.ts'
import type { Ed25519Key } from '../../policy/policy.ts'
import { when } from '../../policy/words.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { keysAsToml, keysOfArgument } from '../key-argument.ts'
import { SIGNER_OPTIONS, type SignerOptions, withSigner } from '../signer-argument.ts'
import { UsageError } from '../usage-error.ts'

const DATES = {
  from: { kind: 'value', value: 'DATE', text: 'From when on it counts; by default now' },
  until: { kind: 'value', value: 'DATE', text: 'When it ends', required: true },
  out: {
    kind: 'value',
    value: 'DIR',
    text: 'The directory of attestations to add it to; by default it is printed',
  },
} as const

/** `nixsig key certify NEWKEY`: a listed key lets another one sign for a while. */
export const keyCertify = command({
  arguments: { new: { count: 'one', text: 'The public key to certify, or its file' } },
  options: {
    ...SIGNER_OPTIONS,
    roles: {
      kind: 'value',
      value: 'ROLES',
      text: 'Its roles, with commas: builder,packager',
      required: true,
    },
    names: { kind: 'value', value: 'GLOBS', text: 'Names of what it may sign, with commas; by default any' },
    ...DATES,
  },
  examples: [
    [
      'key certify builder7.pub --key root.secret --roles builder --until 2027-03-01 --out attestations',
      'Let a builder sign with a key of its own until March',
    ],
  ],
  run: ({ roles, names, ...options }, invocation) =>
    certify(options, invocation, () => ({
      purpose: 'delegate',
      roles: rolesOf(roles),
      names: listOf(names),
    })),
})

/** `nixsig key rotate NEWKEY`: a listed key names the one that takes over. */
export const keyRotate = command({
  arguments: { new: { count: 'one', text: 'The public key that takes over, or its file' } },
  options: {
    ...SIGNER_OPTIONS,
    'old-ends': { kind: 'value', value: 'DATE', text: 'When the old key stops counting; by default never' },
    ...DATES,
  },
  examples: [
    [
      'key rotate cache-2.pub --key cache-1.secret --old-ends 2027-06-01 --until 2030-01-01 --out attestations',
      'Both keys count until June, then the new one alone',
    ],
  ],
  run: ({ 'old-ends': ends, ...options }, invocation) =>
    certify(options, invocation, from => {
      const oldEnds = ends === undefined ? undefined : dateOf('--old-ends', ends)
      if (oldEnds !== undefined && oldEnds < from) {
        throw new UsageError('--old-ends is before --from: no key would count in between')
      }
      return { purpose: 'successor', ...(oldEnds === undefined ? {} : { oldEnds }) }
    }),
})

type Said =
  | Pick<Extract<KeyCertificateStatement, { purpose: 'delegate' }>, 'purpose' | 'roles' | 'names'>
  | Pick<Extract<KeyCertificateStatement, { purpose: 'successor' }>, 'purpose' | 'oldEnds'>

interface CertifyOptions extends SignerOptions {
  readonly new: string
  readonly from: string | undefined
  readonly until: string
  readonly out: string | undefined
}

async function certify(
  options: CertifyOptions,
  { terminal }: Invocation,
  say: (from: number) => Said,
): Promise<Status> {
  const validFrom =
    options.from === undefined ? Math.floor(Date.now() / 1000) : dateOf('--from', options.from)
  const validUntil = dateOf('--until', options.until)
  if (validUntil <= validFrom) throw new UsageError('--until must be later than --from')
  const [subject, text] = newKey(options.new)
  return withSigner<Status>(options, async signer => {
    const { key } = signer
    if (key.kind !== 'ed25519' || key.application !== undefined) {
      throw new UsageError(`${signer.label} is no Ed25519 key: only those certify others`)
    }
    const statement = {
      key: text,
      keySha256: toHex(sha256(subject.publicKey)),
      issuer: signer.identity,
      validFrom,
      validUntil,
      ...say(validFrom),
    }
    const line = await envelopeBy(signer, printKeyCertificate(statement))
    if (options.out === undefined) {
      terminal.print(line)
      return 0
    }
    const file = certificateFile(options.out, key)
    const { left } = appendLines(file, [line])
    if (left.length > 0) throw new UsageError(`${printable(file)} is full`)
    terminal.print(`${subject.label} certified until ${when(validUntil)}, in ${printable(file)}`)
    return 0
  })
}

function newKey(argument: string): readonly [Ed25519Key, string] {
  const [key] = keysOfArgument(argument)
  if (key?.kind !== 'ed25519' || key.application !== undefined) {
    throw new UsageError(`${printable(argument, 80)} is no Ed25519 key: only those are certified`)
  }
  const [quoted = '""'] = keysAsToml(argument)
  return [key, JSON.parse(quoted) as string]
}

function rolesOf(text: string) {
  const roles = listOf(text).map(name => CERTIFIED_ROLES.find(role => role === name))
  const known = roles.filter(role => role !== undefined)
  if (known.length === 0 || known.length < roles.length) {
    throw new UsageError(`--roles must be of ${CERTIFIED_ROLES.join(', ')}`)
  }
  return known
}

function listOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(',')
}

function dateOf(option: string, text: string): number {
  const instant = parseInstant(text)
  if (instant === undefined) throw new UsageError(`${option} ${printable(text, 60)} is not a date`)
  return instant
}
