import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { readAuthorityChain } from '../../../src/formats/sigstore/authority-chain.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { bits, der, number, objectIdentifier, octets, sequence, time, utf8, yes } from '../../support/der.ts'
import { emailName } from '../../support/sigstore.ts'

const name = (text: string) => sequence(der(0x31, sequence(objectIdentifier('2.5.4.3'), utf8(text))))
const extension = (oid: string, value: Buffer) => sequence(objectIdentifier(oid), yes, octets(value))

const authority = (pathLength?: number) =>
  extension('2.5.29.19', sequence(yes, ...(pathLength === undefined ? [] : [number(pathLength)])))
const purpose = (oid: string) => extension('2.5.29.37', sequence(objectIdentifier(oid)))
const subject = (address: string) => extension('2.5.29.17', sequence(emailName(address)))
const within = (host: string) => extension('2.5.29.30', sequence(der(0xa0, sequence(emailName(host)))))
const [CODE_SIGNING, TIMESTAMPS] = ['1.3.6.1.5.5.7.3.3', '1.3.6.1.5.5.7.3.8'] as const

interface Wanted {
  readonly version?: number
  readonly validity?: Buffer
}

const NOON = new Date('2026-03-01T12:00:00Z')

/** A certificate with a signature that is not checked. */
function certificate(
  [own, by]: readonly [string, string],
  extensions: readonly Buffer[],
  { version = 2, validity = sequence(time(NOON), time(NOON)) }: Wanted = {},
): Buffer {
  const algorithm = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
  return sequence(
    sequence(
      der(0xa0, number(version)),
      number(1),
      algorithm,
      name(by),
      validity,
      name(own),
      sequence(sequence(), bits(Buffer.from(own))),
      ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
    ),
    algorithm,
    bits(Buffer.of(1)),
  )
}

const LEAF = certificate(['leaf', 'issuing'], [subject('alice@example.org')])
const ROOT = certificate(['root', 'root'], [authority()])
const issuing = (...extensions: readonly Buffer[]) => certificate(['issuing', 'root'], extensions)

const refuses = (step: () => unknown, reason: RegExp) =>
  assert.throws(step, (error: unknown) => error instanceof FormatError && reason.test(error.message))

describe('the chain of a certificate authority', () => {
  const reads = (...chain: readonly Buffer[]) => readAuthorityChain(chain, 'certificates', LEAF)

  it('gives a key for each certificate', () => {
    assert.equal(reads(issuing(authority(0), purpose(CODE_SIGNING)), ROOT).length, 2)
    assert.equal(reads(certificate(['root', 'root'], [authority(0)])).length, 1)
  })

  it('is in order', () => {
    refuses(() => reads(ROOT, issuing(authority())), /the chain is not in order/)
    refuses(() => reads(issuing(authority())), /the chain is not in order/)
    refuses(() => reads(...Array<Buffer>(9).fill(ROOT)), /a chain of more than 8/)
  })

  it('attack: is longer than one of its certificates allows', () => {
    const middle = certificate(['middle', 'root'], [authority(0)])
    refuses(
      () => reads(certificate(['issuing', 'middle'], [authority()]), middle, ROOT),
      /more authorities below it than the 0/,
    )
    const root = certificate(['root', 'root'], [authority(0)])
    refuses(() => reads(issuing(authority()), root), /more authorities below it than the 0/)
    const roomy = certificate(['root', 'root'], [authority(1)])
    assert.equal(reads(issuing(authority()), roomy).length, 2)
  })

  it('attack: only the root has the limits that are broken', () => {
    const root = (...extensions: readonly Buffer[]) =>
      certificate(['root', 'root'], [authority(), ...extensions])
    const below = issuing(authority())
    refuses(() => reads(below, root(purpose(TIMESTAMPS))), /not for signing code/)
    refuses(() => reads(below, root(within('corp.test'))), /do not allow "alice@example\.org"/)
    refuses(() => reads(below, root(extension('1.2.3', octets(Buffer.of(1))))), /unknown critical extension/)
    refuses(() => reads(below, certificate(['root', 'root'], [])), /not an authority/)
  })

  it('attack: an intermediate has a name that the root does not allow', () => {
    const root = certificate(['root', 'root'], [authority(), within('example.org')])
    refuses(() => reads(issuing(authority(), subject('ca@corp.test')), root), /do not allow "ca@corp\.test"/)
  })

  it('attack: is not of version 3, or has odd contents', () => {
    refuses(() => reads(certificate(['root', 'root'], [authority()], { version: 1 })), /version 3/)
    const odd = (...extensions: readonly Buffer[]) => reads(certificate(['root', 'root'], extensions))
    const flag = der(0x01, Buffer.of(0x01))
    refuses(() => odd(extension('2.5.29.19', sequence(flag))), /odd basic constraints/)
    refuses(
      () => odd(sequence(objectIdentifier('2.5.29.19'), flag, octets(sequence(yes)))),
      /critical in an odd way/,
    )
    refuses(() => odd(extension('2.5.29.19', sequence(yes, number(0x80)))), /an odd length of its path/)
    const local = sequence(der(0x17, Buffer.from('2603011200+0100')), time(NOON))
    refuses(
      () => reads(certificate(['root', 'root'], [authority()], { validity: local })),
      /validity is not two times/,
    )
  })
})

describe('the chain of a timestamp authority', () => {
  const signer = certificate(['tsa', 'issuing'], [purpose(TIMESTAMPS)])
  const reads = (...chain: readonly Buffer[]) => readAuthorityChain(chain, 'timestamps')

  it('begins with the signing certificate, which is not an authority', () => {
    assert.equal(reads(signer, issuing(authority(0), purpose(TIMESTAMPS)), ROOT).length, 3)
    refuses(
      () => reads(issuing(authority(0), purpose(TIMESTAMPS)), ROOT),
      /an authority that signs timestamps/,
    )
  })

  it('attack: its intermediates are for something else', () => {
    refuses(() => reads(signer, issuing(authority(0), purpose(CODE_SIGNING)), ROOT), /not for timestamps/)
    refuses(() => reads(signer, issuing(), ROOT), /not an authority/)
    const root = certificate(['root', 'root'], [authority(0)])
    refuses(() => reads(signer, issuing(authority()), root), /more authorities below it than the 0/)
  })
})

it('the authorities of Sigstore itself are accepted', () => {
  const root = JSON.parse(readFileSync(join(PROJECT_ROOT, 'test/vectors/sigstore/trusted_root.json'), 'utf8'))
  for (const { certChain } of root.certificateAuthorities) {
    const chain = certChain.certificates.map(({ rawBytes }: { rawBytes: string }) =>
      Buffer.from(rawBytes, 'base64'),
    )
    assert.equal(readAuthorityChain(chain, 'certificates', LEAF).length, chain.length)
  }
})
