// What other tools wrote comes in, and goes out again.
// needs: dist
import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { generateKey } from '../../src/crypto/secret-key.ts'
import { approvalFile } from '../../src/evidence/approvals/files.ts'
import { keepApproval } from '../../src/evidence/approvals/keep.ts'
import { graphDigest } from '../../src/formats/nix/build-graph.ts'
import { type Narinfo, narFingerprint, printNarinfo } from '../../src/formats/nix/narinfo.ts'
import { printNixSignature } from '../../src/formats/nix/nix-key.ts'
import { signEd25519 } from '../../src/primitives/sodium.ts'
import { approvalOf, graphOf } from '../support/signed-approval.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const DIGEST = '0c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr'
const PATH = `/nix/store/${DIGEST}-hello-2.12`

function keptFile(out: string, digest: string, extension: string): string {
  return join(cli.dir, out, digest.slice(0, 2), `${digest}${extension}`)
}

function succeeds(...args: readonly string[]): string {
  const { status, stdout, stderr } = cli.run(...args)
  assert.equal(status, 0, `${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

/**
 * Has somebody attest a file, into a directory of its own; the hash part of its path, and the
 * lines.
 */
function attest(key: string, out: string): { digest: string; lines: readonly string[] } {
  const args = ['x.tar', '--name', 'x.tar', '--key', `${key}.secret`, '--out', out]
  const stdout = succeeds('attest', 'source', ...args, '--as', 'developer', '--purl', 'pkg:generic/x@1')
  const [, digest = ''] = /([0-9a-z]{32})-x\.tar/.exec(stdout) ?? []
  return {
    digest,
    lines: readFileSync(keptFile(out, digest, '.intoto.jsonl'), 'utf8')
      .trimEnd()
      .split('\n'),
  }
}

before(() => {
  cli.write('x.tar', 'released\n')
  for (const name of ['alice', 'bob']) succeeds('keygen', name)
})

it('approvals are taken over with the lists of their graphs, once', () => {
  const pair = generateKey('carol-1')
  const graph = graphOf('imported')
  const { list, line } = approvalOf(pair, graph)
  const of = (directory: string) => approvalFile(join(cli.dir, directory), graphDigest(list))
  keepApproval(join(cli.dir, 'approved'), line, list)
  assert.match(
    succeeds('import', 'approved', '--out', 'taken-over'),
    /^imported 1 into taken-over, 0 were there/,
  )
  assert.equal(readFileSync(of('taken-over'), 'utf8'), `${line}\n`)
  assert.deepEqual(readFileSync(of('taken-over').replace('.intoto.jsonl', '.graph')), Buffer.from(list))
  assert.match(
    succeeds('import', 'approved', '--out', 'taken-over'),
    /^imported 0 into taken-over, 1 were there/,
  )

  writeFileSync(of('approved').replace('.intoto.jsonl', '.graph'), 'another list\n')
  const { stderr, stdout } = cli.run('import', 'approved', '--out', 'elsewhere')
  assert.match(stdout + stderr, /not the list that was signed/)
  assert.equal(existsSync(of('elsewhere')), false)
})

/** A file of the form of minisign's, by nobody. */
function minisigOf(comment: string): string {
  const signature = Buffer.concat([Buffer.from('ED'), Buffer.alloc(72, comment)]).toString('base64')
  const global = Buffer.alloc(64, comment).toString('base64')
  return `untrusted comment: x\n${signature}\ntrusted comment: ${comment}\n${global}\n`
}

/** Has a program say how often it waited for the disk. */
const COUNT_SYNCS = `const fs = require('node:fs')
let count = 0
const { fsyncSync } = fs
fs.fsyncSync = fd => { count++; fsyncSync(fd) }
process.on('exit', () => process.stderr.write(count + ' flushes\\n'))
`

describe('import', () => {
  it('makes one directory of two that attest the same path, and loses no line', () => {
    const { digest, lines } = attest('alice', 'of-alice')
    const others = attest('bob', 'of-bob').lines
    assert.match(
      succeeds('import', 'of-alice', 'of-bob', '--out', 'all'),
      /^imported 2 into all, 0 were there, 0 left out/,
    )
    assert.match(
      succeeds('import', 'of-alice', 'of-bob', '--out', 'all'),
      /^imported 0 into all, 2 were there, 0 left out/,
    )
    const both = readFileSync(keptFile('all', digest, '.intoto.jsonl'), 'utf8')
    assert.equal(both, `${[...lines, ...others].join('\n')}\n`)
  })

  it('takes the lines of an in-toto bundle and leaves out what is about no store path', () => {
    const { lines } = attest('alice', 'lines')
    const payload = Buffer.from(
      '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"x.tar","digest":{"sha256":""}}],"predicateType":"x"}',
    )
    const stranger = JSON.stringify({
      payload: payload.toString('base64'),
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ sig: 'AAAA' }],
    })
    cli.write('mixed.intoto.jsonl', `${lines[0]}\n${stranger}\n\nnot json \u001b[31m\n`)
    const { status, stdout, stderr } = cli.run('import', 'mixed.intoto.jsonl', '--out', 'from-lines')
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^imported 1 into from-lines, 0 were there, 2 left out/)
    assert.match(stderr, /^left out mixed\.intoto\.jsonl:2: .*store path/m)
    assert.match(stderr, /^left out mixed\.intoto\.jsonl:4: /m)
    assert.doesNotMatch(stderr, /\u001b/)
  })

  it('reads and writes the file of a path once, however many lines and files are about it', () => {
    const [line = ''] = attest('alice', 'many').lines
    // Lines differ by what nobody signed, as a stranger's may.
    const lines = Array.from({ length: 400 }, (_, index) => line.replace('"keyid":"', `"keyid":"${index}`))
    const files = lines.map((text, index) => {
      cli.write(`many-${index}.jsonl`, `${text}\n`)
      return `many-${index}.jsonl`
    })
    assert.match(succeeds('import', ...files, '--out', 'in-many'), /^imported 400 into in-many, 0 were there/)
    cli.write('many.jsonl', lines.map(text => `${text}\n`).join(''))
    assert.match(succeeds('import', 'many.jsonl', '--out', 'in-one'), /^imported 400 into in-one/)
    const traced = cli.runWith(
      { NODE_OPTIONS: `--require ${cli.write('count.cjs', COUNT_SYNCS)}` },
      'import',
      'many.jsonl',
      ...files,
      '--out',
      'counted',
    )
    assert.match(traced.stdout, /^imported 400 into counted, 400 were there, 0 left out/)
    assert.match(traced.stderr, /^2 flushes$/m, 'of the file, and of its directory')
  })

  it('takes as many lines about a path as its file has room for, and says which it left out', () => {
    const [line = ''] = attest('alice', 'full').lines
    const lines = Array.from({ length: 4100 }, (_, index) => line.replace('"keyid":"', `"keyid":"${index}`))
    cli.write('full.jsonl', lines.map(text => `${text}\n`).join(''))
    const { stdout, stderr } = cli.run('import', 'full.jsonl', '--out', 'in-full')
    assert.match(stdout, /^imported 4096 into in-full, 0 were there, 4 left out/)
    assert.match(stderr, /full\.jsonl:4100: what is attested of \/nix\/store\/\S+ fills its file/)
  })

  it('attack: signatures that were imported first keep no others of their kind out, and lists stay with theirs', () => {
    const armor = (text: string) => `untrusted comment: signature\n${btoa(text)}\n`
    for (const name of ['bogus', 'genuine']) {
      mkdirSync(join(cli.dir, `of-${name}`, '0c'), { recursive: true })
      cli.write(`of-${name}/0c/${DIGEST}.sums`, `${(name === 'bogus' ? 'a' : 'b').repeat(64)}  x.tar\n`)
      cli.write(`of-${name}/0c/${DIGEST}.sums.minisig`, minisigOf(name))
      cli.write(`of-${name}/0c/${DIGEST}.minisig`, minisigOf(`${name} file`))
      cli.write(`of-${name}/0c/${DIGEST}.asc`, armor('what is no signature'))
    }
    const first = cli.run('import', 'of-bogus', '--out', 'side')
    assert.match(first.stdout, /^imported 3 into side, 0 were there, 1 left out/)
    assert.match(cli.run('import', 'of-genuine', '--out', 'side').stdout, /^imported 3 into side/)
    assert.match(
      cli.run('import', 'of-genuine', 'of-bogus', '--out', 'side').stdout,
      /^imported 0 into side, 6 were there/,
    )
    for (const extension of ['.sums', '.sums.minisig', '.minisig']) {
      for (const [set, name] of [
        ['', 'bogus'],
        ['.2', 'genuine'],
      ] as const) {
        assert.deepEqual(
          readFileSync(keptFile('side', DIGEST, `${set}${extension}`)),
          readFileSync(keptFile(`of-${name}`, DIGEST, extension)),
          `${set}${extension}`,
        )
      }
    }
    assert.equal(existsSync(keptFile('side', DIGEST, '.asc')), false, 'what cannot be read is left out')
  })

  it('attack: a subject that leads out of the directory is no store path', () => {
    const subject = { name: '/nix/store/../../etc/passwd', digest: { sha256: 'a'.repeat(64) } }
    const payload = JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [subject],
      predicateType: 'x',
    })
    const envelope = {
      payload: Buffer.from(payload).toString('base64'),
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ sig: 'AAAA' }],
    }
    cli.write('evil.jsonl', `${JSON.stringify(envelope)}\n`)
    const { status, stderr } = cli.run('import', 'evil.jsonl', '--out', 'evil')
    assert.equal(status, 20)
    assert.match(stderr, /subject\[0\]\.name/)
    assert.equal(existsSync(join(cli.dir, 'evil')), false)
  })

  const alice = generateKey('cache-1')
  const bob = generateKey('cache-2')
  const narinfo = (keys: readonly (typeof alice)[], narHash = 'a'.repeat(64)): Narinfo => {
    const signed = { path: PATH, narHash, narSize: 120, references: [] }
    const message = Buffer.from(narFingerprint(signed), 'utf8')
    const signatures = keys.map(({ name, secretKey }) =>
      printNixSignature({ name, signature: signEd25519(message, secretKey) }),
    )
    const missing = { compression: 'none', fileHash: undefined, fileSize: undefined, deriver: undefined }
    return { ...signed, ...missing, url: 'nar/x', system: undefined, contentAddress: undefined, signatures }
  }

  it('collects the Nix signatures of several caches in one narinfo', () => {
    cli.write('1.narinfo', printNarinfo(narinfo([alice])))
    cli.write('2.narinfo', printNarinfo(narinfo([bob])))
    succeeds('import', '1.narinfo', '2.narinfo', '--out', 'signed')
    const kept = readFileSync(keptFile('signed', DIGEST, '.narinfo'), 'utf8')
    assert.deepEqual(
      [...kept.matchAll(/^Sig: (.*?):/gm)].map(([, name]) => name),
      ['cache-1', 'cache-2'],
    )
    assert.match(succeeds('import', '1.narinfo', '--out', 'signed'), /^imported 0 .*1 were there/)
  })

  it('attack: a narinfo with other contents does not go under the signatures that are kept', () => {
    cli.write('3.narinfo', printNarinfo(narinfo([alice])))
    cli.write('4.narinfo', printNarinfo(narinfo([bob], 'b'.repeat(64))))
    succeeds('import', '3.narinfo', '--out', 'contradicted')
    const { status, stderr } = cli.run('import', '4.narinfo', '--out', 'contradicted')
    assert.equal(status, 2)
    assert.match(stderr, /about other contents of .*use another directory/)
    assert.doesNotMatch(readFileSync(keptFile('contradicted', DIGEST, '.narinfo'), 'utf8'), /cache-2/)
  })

  const malformed: readonly (readonly [string, string, RegExp])[] = [
    [
      'another NAR hash beside the first',
      printNarinfo(narinfo([alice])).replace('NarSize', `NarHash: sha256:${'b'.repeat(64)}\nNarSize`),
      /NarHash says something else again/,
    ],
    ['no signature', printNarinfo(narinfo([])), /has no signature/],
    [
      'a file of a size that none has',
      `${printNarinfo(narinfo([alice]))}${'Sig: x:y\n'.repeat(200_000)}`,
      /longer than/,
    ],
    ['a path that is none', printNarinfo(narinfo([alice])).replace(PATH, '/nix/store/../x'), /StorePath/],
  ]
  for (const [title, text, reason] of malformed) {
    it(`refuses a narinfo with ${title}`, () => {
      cli.write('bad.narinfo', text)
      const { status, stderr } = cli.run('import', 'bad.narinfo', '--out', 'refused')
      assert.equal(status, 2)
      assert.match(stderr, reason)
      assert.equal(existsSync(join(cli.dir, 'refused')), false)
    })
  }

  it('leaves out of a directory what is none of its files', () => {
    attest('alice', 'odd')
    mkdirSync(join(cli.dir, 'odd/zz'), { recursive: true })
    cli.write('odd/zz/notes.txt', 'x')
    cli.write(`odd/zz/${DIGEST}.exe`, 'x')
    cli.write(`odd/zz/${DIGEST}.intoto.jsonl`, 'breaks off')
    const { status, stdout, stderr } = cli.run('import', 'odd', '--out', 'even')
    assert.equal(status, 0)
    assert.match(stdout, /^imported 1 .*3 left out/)
    assert.match(stderr, /notes\.txt: not called like/)
    assert.match(stderr, /\.exe: of no kind/)
    assert.match(stderr, /the last line breaks off/)
  })
})

describe('export', () => {
  it('prints envelopes as an in-toto bundle, which import takes back', () => {
    const { digest, lines } = attest('alice', 'out-lines')
    const printed = succeeds('export', 'in-toto', `/nix/store/${digest}-x.tar`, '--from', 'out-lines')
    assert.equal(printed, `${lines.join('\n')}\n`)
    cli.write('again.jsonl', printed)
    succeeds('import', 'again.jsonl', '--out', 'again')
    assert.equal(readFileSync(keptFile('again', digest, '.intoto.jsonl'), 'utf8'), printed)
  })

  it('prints Sigstore bundles around them, with the key id as hint', () => {
    const { digest, lines } = attest('bob', 'out-bundle')
    const bundle = JSON.parse(
      succeeds('export', 'sigstore', `/nix/store/${digest}-x.tar`, '--from', 'out-bundle'),
    )
    const envelope = JSON.parse(lines[0] ?? '')
    assert.deepEqual(bundle.dsseEnvelope, envelope)
    assert.equal(bundle.verificationMaterial.publicKey.hint, envelope.signatures[0].keyid)
  })

  it('says so where nothing is attested', () => {
    const { status, stderr } = cli.run('export', 'in-toto', PATH, '--from', 'out-lines')
    assert.equal(status, 2)
    assert.match(stderr, /nothing is attested of /)
  })

  it('prints a key in PEM, as openssl reads it', () => {
    const pem = succeeds('export', 'pem', 'bob.pub')
    const raw = createPublicKey(pem).export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')
    assert.equal(cli.read('bob.pub').trim().split(':')[1], raw)
  })
})

it('does not take nothing, like the "-" that others read standard input by, for an import', () => {
  const { status, stderr } = cli.run('import', '-', '--out', 'nowhere')
  assert.equal(status, 2)
  assert.match(stderr, /there is no file -/)
})

it('takes back the Sigstore bundle that it exported, on one line or on many, and no other line comes of it', () => {
  succeeds('keygen', 'back')
  cli.write('x.tar', 'x')
  const { digest, lines } = attest('back', 'out-back')
  const bundle = succeeds('export', 'sigstore', `/nix/store/${digest}-x.tar`, '--from', 'out-back')
  const files = {
    'one.sigstore.json': bundle,
    'many.sigstore.json': JSON.stringify(JSON.parse(bundle), null, 2),
  }
  for (const [name, contents] of Object.entries(files)) {
    cli.write(name, contents)
    assert.match(succeeds('import', name, '--out', `back-${name}`), /^imported 1 into/)
    const kept = readFileSync(keptFile(`back-${name}`, digest, '.intoto.jsonl'), 'utf8')
    assert.equal(kept, `${lines.join('\n')}\n`)
  }
})

it('leaves out a Sigstore bundle over a file, and says in one line what it is for', () => {
  const messageDigest = { algorithm: 'SHA2_256', digest: Buffer.alloc(32).toString('base64') }
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: '' } },
    messageSignature: { messageDigest, signature: Buffer.alloc(64).toString('base64') },
  }
  cli.write('message.sigstore.json', JSON.stringify(bundle, null, 2))
  const { status, stderr } = cli.run('import', 'message.sigstore.json', '--out', 'nowhere')
  assert.equal(status, 20)
  assert.match(stderr, /^left out message\.sigstore\.json: Sigstore bundle: a signature over a file[^\n]*\n$/)
})

it('publish: a place inside of what is published is refused, for it would be published the next time', () => {
  attest('alice', 'nested')
  const { status, stderr } = cli.run('publish', '--from', 'nested', '--to', 'nested/public', '--as', 'alice')
  assert.equal(status, 2)
  assert.match(stderr, /lies inside the directory that is published: choose another --to/)
  assert.equal(existsSync(join(cli.dir, 'nested/public')), false)
})
