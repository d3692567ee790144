import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { developerEvidence } from '../../src/evidence/developer-signatures.ts'
import {
  developerSignatureFile,
  developerSignatureFiles,
  keepSignature,
  keptSignatures,
  type SignatureExtension,
  storeDeveloperSignature,
} from '../../src/evidence/signature-files.ts'
import { parseMinisignPublicKey } from '../../src/formats/minisign.ts'
import type { Ed25519Key, OpenPgpKey, Policy } from '../../src/policy/policy.ts'
import type { Evidence, Subject } from '../../src/policy/verdict.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { openGnupg } from '../support/gnupg.ts'

const PATH = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-2.12.tar.gz'
const subject: Subject = {
  path: PATH,
  name: 'hello-2.12.tar.gz',
  kind: 'fetched-source',
  narHash: 'ab'.repeat(32),
  builtHere: true,
}

const gnupg = openGnupg()
after(() => gnupg.remove())
const work = join(gnupg.dir, 'work')
mkdirSync(work)
const source = join(work, 'source')
const dir = join(work, 'attestations')
const second = join(work, 'more-attestations')

function openPgpKey(name: string, options: { at?: string; expire?: string } = {}): OpenPgpKey {
  const fingerprint = gnupg.makeKey(name, options)
  const certificate = gnupg.exportTo(join(work, `${name}.pgp`), fingerprint)
  return { kind: 'openpgp', identity: `openpgp:${fingerprint}`, label: name, fingerprint, certificate }
}

function makeMinisignKey(): Ed25519Key {
  const args = ['-G', '-W', '-f', '-p', join(work, 'carol.pub'), '-s', join(work, 'carol.key')]
  execFileSync('minisign', args, { stdio: 'ignore' })
  const { publicKey, keyNumber } = parseMinisignPublicKey(readFileSync(join(work, 'carol.pub'), 'utf8'))
  return {
    kind: 'ed25519',
    form: 'minisign',
    identity: 'ed25519:carol',
    label: 'carol',
    publicKey,
    keyNumber,
  }
}

const alice = openPgpKey('alice')
const bob = openPgpKey('bob')
const mallory = openPgpKey('mallory')
const retired = openPgpKey('retired', { at: '20200101T000000', expire: '1y' })
const carol = makeMinisignKey()

/** A policy of which only the principals and directories matter here. */
function trusting(...keys: readonly (OpenPgpKey | Ed25519Key)[]): Policy {
  const principals = new Map(keys.map(key => [key.label, { name: key.label, keys: [key] }]))
  const partial: Partial<Policy> = {
    principals,
    attestations: [dir, second],
    lists: new Map(),
    developers: [],
  }
  return partial as Policy
}
const policy = trusting(alice, bob, carol, retired)

beforeEach(() => {
  for (const path of [dir, second, source]) rmSync(path, { recursive: true, force: true })
  mkdirSync(dir)
  mkdirSync(second)
  writeFileSync(source, 'a release')
})

const NOTHING: Evidence = { claims: [], strays: [], troubles: [] }
const gather = (over = policy) => developerEvidence(over, subject, source)
const put = (extension: SignatureExtension, bytes: Uint8Array, where = dir) =>
  storeDeveloperSignature(where, PATH, extension, bytes)
const signedBy = (key: OpenPgpKey, args: readonly string[] = []) => gnupg.sign(source, key.fingerprint, args)

function minisign(): Buffer {
  const output = join(work, 'made.minisig')
  execFileSync('minisign', ['-S', '-W', '-s', join(work, 'carol.key'), '-m', source, '-x', output])
  return readFileSync(output)
}

function claim(key: OpenPgpKey | Ed25519Key, origin: string) {
  return { key: key.identity, role: 'developer', path: PATH, narHash: subject.narHash, origin }
}

describe('developers’ signatures as evidence', () => {
  it('are none where no file is', async () => {
    assert.deepEqual(await gather(), NOTHING)
  })

  it('claim the NAR hash of the source, one for each file and key, whatever the extension', async () => {
    put('.asc', signedBy(alice, ['--armor']))
    put('.sig', minisign())
    put('.minisig', signedBy(bob), second)
    const found = await gather()
    assert.deepEqual(
      found.claims.map(({ trace }) => trace?.replace(/:\d{10}:0:/, ':<date>:0:')),
      [
        `openpgp:bytes:4.0.22.8:<date>:0:${alice.fingerprint}`,
        `minisign:${toHex(carol.keyNumber ?? Buffer.alloc(0))}`,
        `openpgp:bytes:4.0.22.8:<date>:0:${bob.fingerprint}`,
      ],
    )
    const claims = found.claims.map(({ trace: _, ...rest }) => rest)
    assert.deepEqual(
      { ...found, claims },
      {
        ...NOTHING,
        claims: [
          claim(alice, developerSignatureFile(dir, PATH, '.asc')),
          claim(carol, developerSignatureFile(dir, PATH, '.sig')),
          claim(bob, developerSignatureFile(second, PATH, '.minisig')),
        ],
      },
    )
  })

  it('by two keys in one file are two claims', async () => {
    put('.sig', Buffer.concat([signedBy(alice), signedBy(bob)]))
    const { claims, strays } = await gather()
    assert.deepEqual(claims.map(({ key }) => key).sort(), [alice.identity, bob.identity].sort())
    assert.deepEqual(strays, [])
  })

  it('E13, S14: a bad one beside a good one in one file is a stray and takes nothing away', async () => {
    writeFileSync(source, 'something else')
    const [byBob, byAlice] = [signedBy(bob), signedBy(alice)]
    writeFileSync(source, 'a release')
    put('.sig', Buffer.concat([byBob, signedBy(alice), byAlice]))
    const { claims, strays, troubles } = await gather()
    assert.deepEqual(
      claims.map(({ key }) => key),
      [alice.identity],
    )
    assert.deepEqual(
      strays.map(({ problem, detail }) => [problem, detail.split(':')[0]]),
      [
        ['bad-signature', 'alice'],
        ['bad-signature', 'bob'],
      ],
    )
    assert.deepEqual(troubles, [])
  })

  it('by a signer whom the policy does not know are one stray', async () => {
    put('.sig', signedBy(mallory))
    const detail = mallory.fingerprint
    const stray = { problem: 'unknown-signer', origin: developerSignatureFile(dir, PATH, '.sig'), detail }
    assert.deepEqual(await gather(), { ...NOTHING, strays: [stray] })
    put('.minisig', minisign())
    const { strays } = await gather(trusting(alice))
    assert.deepEqual(
      strays.map(({ problem, detail }) => [problem, detail]),
      [
        ['unknown-signer', mallory.fingerprint],
        ['unknown-signer', 'no key of this kind is listed'],
      ],
    )
  })

  it('over other bytes are bad', async () => {
    put('.sig', signedBy(alice))
    writeFileSync(source, 'A release')
    const { claims, strays, troubles } = await gather()
    assert.deepEqual([claims, troubles], [[], []])
    assert.deepEqual(
      strays.map(({ problem }) => problem),
      ['bad-signature'],
    )
    assert.match(strays[0]?.detail ?? '', /^alice: gpgv: BADSIG/)
  })

  it('over text are reported as such and claim nothing', async () => {
    put('.asc', signedBy(alice, ['--textmode']))
    const { claims, strays } = await gather()
    assert.deepEqual(claims, [])
    assert.deepEqual(
      strays.map(({ problem }) => problem),
      ['bad-signature'],
    )
    assert.match(strays[0]?.detail ?? '', /^alice: a signature of type 1/)
  })

  it('by a key that ended since are claims that say so', async () => {
    put('.sig', gnupg.sign(source, retired.fingerprint, [], '20200601T000000'))
    const { claims, strays } = await gather()
    assert.deepEqual(strays, [])
    const [claim] = claims
    assert.ok(claim?.expired !== undefined && claim.expired.signedAt < claim.expired.at)
  })

  it('over a list of checksums that names the file are claims; each part alone says nothing', async () => {
    const hash = createHash('sha256').update(readFileSync(source)).digest('hex')
    const list = join(work, 'SHA256SUMS')
    writeFileSync(list, `${hash}  hello-2.12.tar.gz\n`)
    const signature = gnupg.sign(list, alice.fingerprint)
    put('.sums.sig', signature)
    const lone = await gather()
    assert.deepEqual([lone.claims, lone.troubles], [[], []])
    assert.match(lone.strays[0]?.detail ?? '', /a signature of a list of checksums that is not there/)
    put('.sums', readFileSync(list))
    assert.equal((await gather()).claims.length, 1)
    rmSync(developerSignatureFile(dir, PATH, '.sums.sig'))
    const unsigned = await gather()
    assert.deepEqual([unsigned.claims, unsigned.troubles], [[], []])
    assert.match(unsigned.strays[0]?.detail ?? '', /a list of checksums that nobody signed/)
  })

  it('over a list that names another file are reported as such', async () => {
    const list = join(work, 'SHA256SUMS')
    writeFileSync(list, `${'0'.repeat(64)}  other.tar.gz\n`)
    put('.sums', readFileSync(list))
    put('.sums.sig', gnupg.sign(list, alice.fingerprint))
    const { claims, strays } = await gather()
    assert.deepEqual(claims, [])
    assert.deepEqual(
      strays.map(({ problem }) => problem),
      ['other-subject'],
    )
    assert.match(strays[0]?.detail ?? '', /the signed list does not name hello-2\.12\.tar\.gz/)
  })

  it('of another path are not read', async () => {
    storeDeveloperSignature(dir, PATH.replace('/0', '/1'), '.sig', signedBy(alice))
    assert.deepEqual(await gather(), NOTHING)
  })
})

describe('a source that a detached signature cannot vouch for', () => {
  const unused = async (reason: RegExp) => {
    const { claims, strays, troubles } = await gather()
    assert.deepEqual([claims, troubles], [[], []])
    assert.deepEqual(
      strays.map(({ problem }) => problem),
      ['unused'],
    )
    assert.match(strays[0]?.detail ?? '', reason)
  }

  it('is a tree', async () => {
    put('.sig', signedBy(alice))
    rmSync(source)
    mkdirSync(source)
    await unused(/covers one file/)
  })

  it('is a link, even to the file that was signed', async () => {
    put('.sig', signedBy(alice))
    const target = join(work, 'target')
    writeFileSync(target, 'a release')
    rmSync(source)
    symlinkSync(target, source)
    await unused(/covers one file/)
  })

  it('is an executable: nobody signed that it may be run', async () => {
    put('.sig', signedBy(alice))
    chmodSync(source, 0o555)
    await unused(/executable/)
  })

  it('is one that is not there: a trouble', async () => {
    put('.sig', signedBy(alice))
    rmSync(source)
    const { troubles } = await gather()
    assert.match(troubles[0]?.detail ?? '', /cannot read .*source/)
  })
})

describe('a signature file that cannot be read', () => {
  const troubled = async (reason: RegExp) => {
    const { claims, strays, troubles } = await gather()
    assert.deepEqual([claims, strays], [[], []])
    assert.deepEqual(
      troubles.map(({ origin }) => origin),
      [developerSignatureFile(dir, PATH, '.asc')],
    )
    assert.match(troubles[0]?.detail ?? '', reason)
  }
  const name = developerSignatureFile(dir, PATH, '.asc')
  beforeEach(() => mkdirSync(dirname(name)))

  it('is a trouble: malformed', async () => {
    writeFileSync(name, 'trust me')
    await troubled(/none of minisign, .*openpgp/)
  })

  it('is a trouble: a directory', async () => {
    mkdirSync(name)
    await troubled(/not a regular file/)
  })

  it('is a trouble: a pipe, which blocks nothing', async () => {
    execFileSync('mkfifo', [name])
    await troubled(/not a regular file/)
  })

  it('is a trouble: a link', async () => {
    writeFileSync(join(work, 'elsewhere'), signedBy(alice))
    symlinkSync(join(work, 'elsewhere'), name)
    await troubled(/cannot read/)
  })

  it('is a trouble: too large', async () => {
    writeFileSync(name, Buffer.alloc(300_000))
    await troubled(/larger than 262144 bytes/)
  })

  it('is a trouble: its directory is a file', async () => {
    rmSync(dirname(name), { recursive: true })
    writeFileSync(dirname(name), '')
    const { troubles } = await gather()
    assert.equal(troubles.length, 1)
    assert.match(troubles[0]?.detail ?? '', /ENOTDIR/)
  })

  it('leaves what other files say as it is', async () => {
    writeFileSync(name, 'trust me')
    put('.sig', signedBy(alice))
    const { claims, troubles } = await gather()
    assert.deepEqual([claims.length, troubles.length], [1, 1])
  })
})

describe('a certificate that cannot be read', () => {
  it('is a trouble, not a stranger’s signature', async () => {
    put('.sig', signedBy(alice))
    const { claims, strays, troubles } = await gather(
      trusting({ ...alice, certificate: join(work, 'no-such-certificate') }),
    )
    assert.deepEqual([claims, strays], [[], []])
    assert.match(troubles[0]?.detail ?? '', /^alice: cannot read .*no-such-certificate/)
  })
})

describe('keeping a developer’s signature', () => {
  const file = developerSignatureFile(dir, PATH, '.sig')

  it('writes it once, beside the attestations, and leaves nothing else behind', () => {
    assert.equal(file, join(dir, '01', '0123456789abcdfghijklmnpqrsvwxyz.sig'))
    const bytes = signedBy(alice)
    assert.equal(put('.sig', bytes), true)
    assert.equal(put('.sig', bytes), false)
    assert.deepEqual(readFileSync(file), bytes)
    assert.deepEqual(readdirSync(dirname(file)), ['0123456789abcdfghijklmnpqrsvwxyz.sig'])
    assert.deepEqual(developerSignatureFiles([dir, second], PATH), [file])
  })

  it('replaces nothing: another one goes beside it, up to a number', () => {
    const bytes = signedBy(alice)
    put('.sig', bytes)
    const others = [1, 2, 3, 4, 5, 6, 7].map(text => Buffer.from(`bogus ${text}`))
    for (const other of others) assert.equal(put('.sig', other), true)
    for (const other of [bytes, ...others]) assert.equal(put('.sig', other), false, 'each is there')
    assert.throws(() => put('.sig', signedBy(mallory)), {
      name: 'FileError',
      message: /\.sig and 7 more hold other signatures already/,
    })
    assert.deepEqual(readFileSync(file), bytes)
    const names = ['2', '3', '4', '5', '6', '7', '8']
      .map(set => `${set}.sig`)
      .concat('sig')
      .map(name => `0123456789abcdfghijklmnpqrsvwxyz.${name}`)
    assert.deepEqual(readdirSync(dirname(file)).toSorted(), names)
  })

  it('attack: a bogus one that came first does not keep the genuine one out', async () => {
    put('.sig', signedBy(mallory))
    put('.sig', signedBy(alice))
    const { claims, troubles } = await gather()
    const found = claims.map(({ trace: _, ...rest }) => rest)
    assert.deepEqual(found, [claim(alice, developerSignatureFile(dir, PATH, '.sig', 2))])
    assert.deepEqual(troubles, [])
  })

  it('attack: a list with a stranger’s signature does not keep the genuine list out, nor mix with it', () => {
    const bogus = { signature: signedBy(mallory), checksums: Buffer.from('bogus list\n') }
    const genuine = { signature: signedBy(alice), checksums: Buffer.from('genuine list\n') }
    for (const each of [bogus, genuine]) assert.equal(keepSignature(dir, PATH, each), true)
    assert.equal(keepSignature(dir, PATH, genuine), false)
    const { signatures } = keptSignatures(dir, PATH)
    assert.deepEqual(
      signatures.map(({ origin, checksums = '' }) => [readFileSync(origin), readFileSync(checksums)]),
      [bogus, genuine].map(({ signature, checksums }) => [signature, checksums]),
    )
  })

  it('does not write through a link that lies in its place', () => {
    mkdirSync(dirname(file))
    const target = join(work, 'victim')
    symlinkSync(target, file)
    assert.throws(() => put('.sig', signedBy(alice)), { name: 'FileError' })
    assert.equal(existsSync(target), false)
  })

  it('refuses an empty file, one that is too large, and a path that is not a store path', () => {
    assert.throws(() => put('.sig', Buffer.alloc(0)), { name: 'FormatError' })
    assert.throws(() => put('.sig', Buffer.alloc(300_000)), { name: 'FormatError' })
    assert.throws(() => storeDeveloperSignature(dir, '/nix/store/../x', '.sig', Buffer.of(1)), {
      name: 'FormatError',
    })
  })
})
