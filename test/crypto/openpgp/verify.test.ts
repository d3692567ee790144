import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { withOpenedFile } from '../../../src/crypto/detached/opened-file.ts'
import { certificateFingerprints } from '../../../src/crypto/openpgp/certificate.ts'
import type { Tool } from '../../../src/crypto/openpgp/tools.ts'
import {
  findTools,
  type IndexedResult as OpenPgpResult,
  verifyOpenPgp,
} from '../../../src/crypto/openpgp/verify.ts'
import { openGnupg } from '../../support/gnupg.ts'

const gnupg = openGnupg()
after(() => gnupg.remove())
const work = join(gnupg.dir, 'work')
mkdirSync(work)
const file = join(work, 'release.tar')
const otherFile = join(work, 'tampered.tar')
const release = Buffer.from('#!/bin/sh\necho released\n'.repeat(1000))
writeFileSync(file, release)
writeFileSync(otherFile, Buffer.concat([release.subarray(0, -2), Buffer.from('D\n')]))

const GPGV: Tool = { name: 'gpgv', program: '/usr/bin/gpgv' }
const SQV: Tool = { name: 'sqv', program: '/usr/bin/sqv' }

interface Case {
  readonly signature: Buffer
  readonly certificate: string
  readonly fingerprint: string
  readonly file?: string
  readonly tools?: readonly Tool[]
}

function judgeAll(question: Case): Promise<readonly OpenPgpResult[]> {
  return withOpenedFile(question.file ?? file, opened => verifyOpenPgp({ ...question, file: opened }))
}

/** For a file in which at most one signature names the key. */
async function judge(question: Case): Promise<OpenPgpResult> {
  const [result, another] = await judgeAll(question)
  assert.ok(result !== undefined && another === undefined)
  return result
}

/** Checks that both tools lead to the same result, alone and together. */
async function assertBoth(question: Case, kind: OpenPgpResult['kind'], reason?: RegExp): Promise<void> {
  for (const tools of [[GPGV], [SQV], [GPGV, SQV], [SQV, GPGV]]) {
    const result = await judge({ ...question, tools })
    const names = tools.map(tool => tool.name).join(', ')
    assert.equal(result.kind, kind, `${names}: ${JSON.stringify(result)}`)
    if (reason !== undefined && 'detail' in result) assert.match(result.detail, reason)
  }
}

const alice = gnupg.makeKey('alice')
const mallory = gnupg.makeKey('mallory')
const aliceFile = gnupg.exportTo(join(work, 'alice.pgp'), alice)
const malloryFile = gnupg.exportTo(join(work, 'mallory.pgp'), mallory)
const aliceSignature = gnupg.sign(file, alice)
const mallorySignature = gnupg.sign(file, mallory)
const byAlice = { signature: aliceSignature, certificate: aliceFile, fingerprint: alice }

function replaceAll(bytes: Buffer, from: Buffer, to: Buffer): Buffer {
  return Buffer.from(
    bytes.toString('latin1').replaceAll(from.toString('latin1'), to.toString('latin1')),
    'latin1',
  )
}

describe('a good signature', () => {
  it('is good, with the primary fingerprint and the time', async () => {
    await assertBoth(byAlice, 'good')
    const result = await judge(byAlice)
    assert.ok(result.kind === 'good')
    assert.equal(result.primaryFingerprint, alice)
    assert.ok(Math.abs(result.signedAt - Date.now() / 1000) < 600)
  })

  it('is good if armoured, with an armoured certificate', async () => {
    const signature = gnupg.sign(file, alice, ['--armor'])
    const certificate = join(work, 'alice.asc')
    writeFileSync(certificate, gnupg.gpg(['--armor', '--export', alice]))
    await assertBoth({ ...byAlice, signature, certificate }, 'good')
  })

  it('is good if made by a subkey, with the fingerprint of the primary key', async () => {
    const carol = gnupg.makeKey('carol')
    gnupg.gpg(['--quick-add-key', carol, 'rsa2048', 'sign', 'never'])
    const certificate = gnupg.exportTo(join(work, 'carol.pgp'), carol)
    const signature = gnupg.sign(file, carol)
    await assertBoth({ signature, certificate, fingerprint: carol }, 'good')
  })

  for (const algorithm of ['rsa2048', 'rsa3072', 'dsa2048', 'nistp256', 'nistp384', 'nistp521']) {
    it(`is good if made with ${algorithm}, and bad over other bytes`, async () => {
      const fingerprint = gnupg.makeKey(algorithm, { algorithm })
      const certificate = gnupg.exportTo(join(work, `${algorithm}.pgp`), fingerprint)
      const question = { signature: gnupg.sign(file, fingerprint), certificate, fingerprint }
      await assertBoth(question, 'good')
      await assertBoth({ ...question, file: otherFile }, 'bad-signature')
    })
  }

  it('is good next to one by an unknown key, and does not hide another one that is bad', async () => {
    const beside = Buffer.concat([mallorySignature, aliceSignature])
    await assertBoth({ ...byAlice, signature: beside }, 'good')
    const bad = gnupg.sign(otherFile, alice)
    const all = await judgeAll({ ...byAlice, signature: Buffer.concat([bad, beside]) })
    assert.deepEqual(
      all.map(({ kind, index }) => [kind, index]),
      [
        ['bad-signature', 0],
        ['good', 2],
      ],
    )
  })

  it('is good with a certificate that is merged from two copies in one file', async () => {
    const certificate = join(work, 'twice.pgp')
    writeFileSync(certificate, Buffer.concat([readFileSync(aliceFile), readFileSync(aliceFile)]))
    await assertBoth({ ...byAlice, certificate }, 'good')
  })

  it('is good over an empty file', async () => {
    const empty = join(work, 'empty')
    writeFileSync(empty, '')
    await assertBoth({ ...byAlice, signature: gnupg.sign(empty, alice), file: empty }, 'good')
  })
})

describe('a signature by another key', () => {
  it('is by an unknown signer', async () => {
    await assertBoth({ ...byAlice, signature: mallorySignature }, 'unknown-signer')
  })

  it('is by an unknown signer, even if the certificate file contains her certificate too', async () => {
    const certificate = join(work, 'both.pgp')
    writeFileSync(certificate, Buffer.concat([readFileSync(malloryFile), readFileSync(aliceFile)]))
    await assertBoth({ ...byAlice, certificate, signature: mallorySignature }, 'unknown-signer')
    await assertBoth({ ...byAlice, certificate }, 'good')
  })

  it('is bad if it claims to be by the configured key', async () => {
    const renamed = [0, 12].reduce(
      (bytes, digits) =>
        replaceAll(
          bytes,
          Buffer.from(mallory, 'hex').subarray(digits),
          Buffer.from(alice, 'hex').subarray(digits),
        ),
      mallorySignature,
    )
    await assertBoth({ ...byAlice, signature: renamed }, 'bad-signature')
  })

  it('is not accepted with a certificate into which her key was grafted as a subkey', async () => {
    gnupg.gpg(['--quick-add-key', mallory, 'ed25519', 'sign', 'never'])
    const hers = gnupg.gpg(['--export', mallory])
    // Tag 14 in the old format with a one-byte length: her subkey and the signature that binds it
    // to her own key.
    const graft = hers.subarray(hers.lastIndexOf(Buffer.of(0xb8, 0x33)))
    const certificate = join(work, 'grafted.pgp')
    writeFileSync(certificate, Buffer.concat([readFileSync(aliceFile), graft]))
    const question = { ...byAlice, certificate, signature: gnupg.sign(file, mallory) }
    await assertBoth(question, 'unacceptable', /nothing binds subkey/)
  })

  it('is undecided if the file contains another certificate than the configured one', async () => {
    await assertBoth({ ...byAlice, certificate: malloryFile }, 'unreadable', /no certificate [0-9A-F]{40} in/)
  })
})

describe('tampering', () => {
  it('with the file makes a bad signature', async () => {
    await assertBoth({ ...byAlice, file: otherFile }, 'bad-signature')
  })

  it('with any signed byte of the signature, or with its numbers, is never good', async () => {
    // Not signed: the key id in the unhashed part, and two bytes of the digest that only let a
    // reader fail early.
    const unsigned = aliceSignature.indexOf(Buffer.from(alice, 'hex').subarray(12), 40)
    assert.ok(unsigned > 0)
    for (let offset = 0; offset < aliceSignature.length; offset += 5) {
      if (offset >= unsigned - 4 && offset < unsigned + 10) continue
      const signature = Buffer.from(aliceSignature)
      signature[offset] = (signature[offset] ?? 0) ^ 0x04
      const result = await judge({ ...byAlice, signature }).catch((error: Error) => error)
      if (result instanceof Error) assert.equal(result.name, 'FormatError', `offset ${offset}`)
      else assert.notEqual(result.kind, 'good', `offset ${offset}`)
    }
  })
})

describe('a key that expired or was revoked', () => {
  const at = '20200101T000000'

  it('has expired since, and was valid when it signed', async () => {
    const fingerprint = gnupg.makeKey('dora', { at, expire: '1y' })
    const certificate = gnupg.exportTo(join(work, 'dora.pgp'), fingerprint)
    const signature = gnupg.sign(file, fingerprint, [], '20200601T000000')
    const question = { signature, certificate, fingerprint }
    await assertBoth(question, 'expired-since', /expired 2020-12-31/)
    const result = await judge(question)
    assert.ok(result.kind === 'expired-since')
    assert.deepEqual(
      [result.signedAt, result.keyExpired],
      [Date.UTC(2020, 5) / 1000, Date.UTC(2020, 11, 31) / 1000],
    )
  })

  it('had expired when it signed, according to this copy of its certificate', async () => {
    const fingerprint = gnupg.makeKey('emil', { at, expire: '1y' })
    const certificate = gnupg.exportTo(join(work, 'emil.pgp'), fingerprint)
    gnupg.gpg(['--quick-set-expire', fingerprint, '5y'], { at: '20210601T000000' })
    const signature = gnupg.sign(file, fingerprint, [], '20220101T000000')
    await assertBoth({ signature, certificate, fingerprint }, 'expired-key')
  })

  it('is not expired after a renewal; sqv alone cannot use the certificate that GnuPG then writes', async () => {
    const fingerprint = gnupg.makeKey('fritz', { at, expire: '1y' })
    const signature = gnupg.sign(file, fingerprint, [], '20200601T000000')
    gnupg.gpg(['--quick-set-expire', fingerprint, 'never'])
    const certificate = gnupg.exportTo(join(work, 'fritz.pgp'), fingerprint)
    const question = { signature, certificate, fingerprint }
    assert.equal((await judge({ ...question, tools: [SQV, GPGV] })).kind, 'good')
    const alone = await judge({ ...question, tools: [SQV] })
    assert.ok(alone.kind === 'unreadable')
    assert.match(alone.detail, /not younger than this one/)
  })

  it('is an expired subkey of a valid certificate', async () => {
    const fingerprint = gnupg.makeKey('gerda', { at })
    gnupg.gpg(['--quick-add-key', fingerprint, 'ed25519', 'sign', '1y'], { at })
    const certificate = gnupg.exportTo(join(work, 'gerda.pgp'), fingerprint)
    const signature = gnupg.sign(file, fingerprint, [], '20200601T000000')
    await assertBoth({ signature, certificate, fingerprint }, 'expired-since')
  })

  it('is revoked, as compromised or without a reason', async () => {
    const fingerprint = gnupg.makeKey('hugo')
    const signature = gnupg.sign(file, fingerprint)
    const stored = readFileSync(join(gnupg.dir, 'openpgp-revocs.d', `${fingerprint}.rev`), 'utf8')
    gnupg.gpg(['--import'], { input: stored.replace(':-----BEGIN', '-----BEGIN') })
    const certificate = gnupg.exportTo(join(work, 'hugo.pgp'), fingerprint)
    await assertBoth({ signature, certificate, fingerprint }, 'revoked-key', new RegExp(fingerprint))
  })

  it('is revoked as retired, after it signed', async () => {
    const fingerprint = gnupg.makeKey('ida', { at })
    const signature = gnupg.sign(file, fingerprint, [], '20200601T000000')
    const answers = ['--no-batch', '--no-tty', '--command-fd', '0']
    const revocation = gnupg.gpg([...answers, '--gen-revoke', fingerprint], { input: 'y\n3\n\ny\n' })
    gnupg.gpg(['--import'], { input: revocation.toString('latin1') })
    const certificate = gnupg.exportTo(join(work, 'ida.pgp'), fingerprint)
    await assertBoth({ signature, certificate, fingerprint }, 'revoked-key')
  })

  it('is a revoked subkey of a valid certificate', async () => {
    const fingerprint = gnupg.makeKey('jakob', { at })
    gnupg.gpg(['--quick-add-key', fingerprint, 'ed25519', 'sign', 'never'], { at })
    const signature = gnupg.sign(file, fingerprint, [], '20200601T000000')
    const answers = ['--no-batch', '--no-tty', '--command-fd', '0']
    gnupg.gpg([...answers, '--edit-key', fingerprint, 'key 1', 'revkey', 'save'], {
      input: 'y\n3\n\ny\nsave\n',
    })
    const certificate = gnupg.exportTo(join(work, 'jakob.pgp'), fingerprint)
    await assertBoth({ signature, certificate, fingerprint }, 'revoked-key')
  })

  it('is reported next to the other results of the file, each with its index', async () => {
    const fingerprint = gnupg.makeKey('ludwig', { at, expire: '1y' })
    gnupg.gpg(['--quick-add-key', fingerprint, 'ed25519', 'sign', 'never'], { at })
    const ended = gnupg.sign(file, `${fingerprint}!`, [], '20200601T000000')
    const later = gnupg.sign(otherFile, `${fingerprint}!`, [], '20200601T000000')
    const question = { certificate: gnupg.exportTo(join(work, 'ludwig.pgp'), fingerprint), fingerprint }
    const signature = Buffer.concat([later, mallorySignature, ended])
    for (const tools of [[GPGV], [SQV], [GPGV, SQV]]) {
      const kinds = async (asked: Case) =>
        (await judgeAll({ ...asked, tools })).map(({ kind, index }) => `${index} ${kind}`)
      assert.deepEqual(await kinds({ ...question, signature }), ['0 bad-signature', '2 expired-since'])
      const withAlice = Buffer.concat([signature, aliceSignature])
      assert.deepEqual(await kinds({ ...byAlice, signature: withAlice }), ['3 good'])
      assert.deepEqual(await kinds({ ...byAlice, signature }), ['0 unknown-signer'])
    }
  })

  it('does not hide that the file was changed as well', async () => {
    const fingerprint = gnupg.makeKey('karl', { at, expire: '1y' })
    const certificate = gnupg.exportTo(join(work, 'karl.pgp'), fingerprint)
    const signature = gnupg.sign(file, fingerprint, [], '20200601T000000')
    await assertBoth({ signature, certificate, fingerprint, file: otherFile }, 'bad-signature')
  })
})

describe('a signature that proves too little', () => {
  it('has expired', async () => {
    const at = '20200101T000000'
    const fingerprint = gnupg.makeKey('lena', { at })
    const certificate = gnupg.exportTo(join(work, 'lena.pgp'), fingerprint)
    const signature = gnupg.sign(file, fingerprint, ['--default-sig-expire', '30d'], '20200601T000000')
    await assertBoth({ signature, certificate, fingerprint }, 'expired-signature', /expired 2020-07-01/)
  })

  it('is dated in the future', async () => {
    const signature = gnupg.sign(file, alice, [], '20380101T000000')
    await assertBoth({ ...byAlice, signature }, 'unacceptable', /future/)
  })

  it('is over text, so that other line ends would pass', async () => {
    const signature = gnupg.sign(file, alice, ['--textmode'])
    await assertBoth({ ...byAlice, signature }, 'unacceptable', /type 1/)
  })

  it('is made with SHA-1', async () => {
    const signature = gnupg.sign(file, alice, ['--digest-algo', 'SHA1'])
    await assertBoth({ ...byAlice, signature }, 'unacceptable', /SHA-1/)
  })

  it('is by a key of 1024 bits', async () => {
    const fingerprint = gnupg.makeKey('moritz', { algorithm: 'rsa1024' })
    const certificate = gnupg.exportTo(join(work, 'moritz.pgp'), fingerprint)
    const signature = gnupg.sign(file, fingerprint)
    await assertBoth({ signature, certificate, fingerprint }, 'unacceptable', /1024 bits/)
  })
})

describe('a certificate bound by SHA-1', () => {
  const fingerprint = gnupg.makeKey('nora', { at: '20130101T000000' })
  gnupg.gpg(['--cert-digest-algo', 'SHA1', '--quick-set-expire', fingerprint, '30y'], {
    at: '20130102T000000',
  })
  const minimal = ['--export-options', 'export-minimal']
  const certificate = join(work, 'nora.pgp')
  writeFileSync(certificate, gnupg.gpg([...minimal, '--export', fingerprint]))
  const signature = gnupg.sign(file, fingerprint, [], '20200601T000000')

  it('is good to gpgv: the policy pins the key by its fingerprint', async () => {
    assert.equal((await judge({ signature, certificate, fingerprint, tools: [SQV, GPGV] })).kind, 'good')
  })

  it('is undecided where there is only sqv, which does not use such certificates', async () => {
    const result = await judge({ signature, certificate, fingerprint, tools: [SQV] })
    assert.ok(result.kind === 'unreadable')
    assert.match(result.detail, /not by SHA-1 .*; gpgv does not/)
  })
})

describe('a signature of version 6', () => {
  const vector = (name: string) => join(PROJECT_ROOT, 'test/vectors/openpgp', name)
  const question = {
    file: vector('v6-file.txt'),
    signature: readFileSync(vector('v6-signature.asc')),
    certificate: vector('v6-certificate.asc'),
    fingerprint: '145817EB0DCA42619D266FEECE5B9F25BBC89A8062043B8BF0A9CE8CEFC40C4D',
  }

  it('is undecided with a tool that does not know it yet, never bad', async () => {
    assert.deepEqual(certificateFingerprints(readFileSync(question.certificate)), [question.fingerprint])
    const result = await judge({ ...question, tools: [GPGV] })
    assert.ok(result.kind === 'unreadable')
    const modern = await judge(question)
    assert.ok(modern.kind === 'good' || modern.kind === 'unreadable', JSON.stringify(modern))
  })
})

describe('the tools', () => {
  function fake(name: Tool['name'], script: string): Tool {
    const program = join(work, `fake-${name}-${script.length}`)
    writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return { name, program }
  }

  it('are not looked for in PATH', () => {
    const path = process.env['PATH']
    try {
      copyFileSync('/bin/true', join(work, 'gpgv'))
      process.env['PATH'] = work
      assert.deepEqual(findTools(), [GPGV, SQV])
    } finally {
      process.env['PATH'] = path
    }
  })

  it('leave a signature undecided if none is installed', async () => {
    const result = await judge({ ...byAlice, tools: [] })
    assert.deepEqual(result, { kind: 'unreadable', detail: 'neither gpgv nor sqv is installed', index: 0 })
  })

  it('leave it undecided if they name another certificate', async () => {
    const result = await judge({ ...byAlice, tools: [fake('sqv', `echo ${mallory}`)] })
    assert.ok(result.kind === 'unreadable')
    assert.match(result.detail, new RegExp(`another key, of ${mallory}`))
  })

  it('leave it undecided if they print nothing or too much, crash, or cannot be started', async () => {
    const missing: Tool = { name: 'gpgv', program: join(work, 'missing') }
    const broken = [
      fake('sqv', 'true'),
      fake('gpgv', 'true'),
      fake('gpgv', 'head -c 9999999 /dev/zero'),
      fake('sqv', 'kill -9 $$'),
      missing,
    ]
    for (const tool of broken) {
      const result = await judge({ ...byAlice, tools: [tool] })
      assert.equal(result.kind, 'unreadable', JSON.stringify({ tool, result }))
      assert.equal((await judge({ ...byAlice, tools: [tool, SQV] })).kind, 'good')
    }
  })

  it('get no environment of the caller', async () => {
    process.env['GNUPGHOME'] = gnupg.dir
    try {
      const seen = join(work, 'environment')
      await judge({ ...byAlice, tools: [fake('sqv', `env >${seen}`)] })
      const names = readFileSync(seen, 'utf8').match(/^[A-Z_]+(?==)/gm) ?? []
      assert.deepEqual(names.filter(name => !['PWD', '_', 'SHLVL', 'OLDPWD'].includes(name)).sort(), [
        'HOME',
        'LC_ALL',
        'PATH',
      ])
    } finally {
      delete process.env['GNUPGHOME']
    }
  })
})

describe('a file with signatures of several people', () => {
  const one = (key: string) => gnupg.sign(file, `${key}!`, ['--armor']).toString()
  const blocks = Buffer.from([mallory, alice].map(one).join('\n\n'))

  it('is good with the key of each, in whatever order the blocks are', async () => {
    await assertBoth({ ...byAlice, signature: blocks }, 'good')
    const byMallory = { certificate: malloryFile, fingerprint: mallory, signature: blocks }
    await assertBoth(byMallory, 'good')
    const many = Buffer.from(one(alice).repeat(40) + one(mallory))
    await assertBoth({ ...byMallory, signature: many }, 'good')
  })

  it('is bad with the key of each once the file was changed, and unknown for another key', async () => {
    await assertBoth({ ...byAlice, signature: blocks, file: otherFile }, 'bad-signature')
    const certificate = join(work, 'dorothea.pgp')
    const fingerprint = gnupg.makeKey('dorothea')
    gnupg.exportTo(certificate, fingerprint)
    await assertBoth({ signature: blocks, certificate, fingerprint }, 'unknown-signer')
  })

  it('is undecided if one key made more of them than are tried', async () => {
    const signature = Buffer.concat(Array(17).fill(aliceSignature))
    await assertBoth({ ...byAlice, signature }, 'unreadable', /more than 16 signatures by/)
  })
})

describe('malformed signature files', () => {
  const armoured = gnupg.sign(file, alice, ['--armor']).toString()
  const lines = armoured.split('\n')
  const refused = (text: string | Buffer, reason: RegExp) =>
    assert.rejects(judge({ ...byAlice, signature: Buffer.from(text) }), {
      name: 'FormatError',
      message: reason,
    })

  it('are errors: cut off, changed, doubled, with text around them, of another kind', async () => {
    await refused('', /no signature|no armoured block/)
    await refused(lines.slice(0, 4).join('\n'), /has no end/)
    await refused(aliceSignature.subarray(0, -1), /breaks off/)
    await refused(`${armoured}and more\n${armoured}`, /text outside/)
    await refused(`signed by alice:\n${armoured}`, /text outside/)
    await refused(`${armoured}\nand more`, /text outside/)
    await refused(armoured.replace(/^=....$/m, '=AAAA'), /checksum differs/)
    await refused(armoured.replaceAll('SIGNATURE', 'MESSAGE'), /no block of signatures/)
    await refused(gnupg.gpg(['--armor', '--export', alice]), /no block of signatures/)
    await refused(readFileSync(aliceFile), /type 6 among signatures/)
    const clear = gnupg.gpg(['--local-user', alice, '--output', '-', '--clearsign', file])
    await refused(clear, /does not end as it began/)
    await refused(Buffer.concat([aliceSignature, readFileSync(aliceFile)]), /among signatures/)
    await refused(Buffer.concat(Array(257).fill(aliceSignature)), /more than 256 signatures/)
    await refused(Buffer.of(0xc2, 0xe0, 0x01), /in parts/)
    await refused(Buffer.of(0x8b, 0x04), /without a stated length/)
  })

  it('may lack a checksum, or end as an armoured file', async () => {
    const plain = armoured.replace(/^=....\n/m, '')
    assert.equal((await judge({ ...byAlice, signature: Buffer.from(plain) })).kind, 'good')
    const relabelled = armoured.replace('END PGP SIGNATURE', 'END PGP ARMORED FILE').replaceAll('\n', '\r\n')
    assert.equal((await judge({ ...byAlice, signature: Buffer.from(relabelled) })).kind, 'good')
  })
})

describe('certificate files', () => {
  it('give the fingerprints of their certificates, each once', () => {
    const [one, other] = [readFileSync(aliceFile), readFileSync(malloryFile)]
    assert.deepEqual(certificateFingerprints(Buffer.concat([other, one, other])), [mallory, alice])
  })

  it('with a secret key in them, of another kind, missing or too large are errors', async () => {
    const secret = join(work, 'secret.pgp')
    writeFileSync(secret, gnupg.gpg(['--export-secret-keys', alice]))
    await assert.rejects(judge({ ...byAlice, certificate: secret }), /holds a secret key/)
    const signature = join(work, 'signature.pgp')
    writeFileSync(signature, aliceSignature)
    await assert.rejects(judge({ ...byAlice, certificate: signature }), /begin with a public key/)
    await assert.rejects(judge({ ...byAlice, certificate: join(work, 'none') }), { name: 'FileError' })
    const huge = join(work, 'huge')
    writeFileSync(huge, Buffer.alloc(4 * 1024 * 1024 + 1))
    await assert.rejects(judge({ ...byAlice, certificate: huge }), /larger than 4194304 bytes/)
  })
})
