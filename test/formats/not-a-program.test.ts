// H7: words in a signature or a checksum list that nobody verified cannot be a program. Each attack
// has the right format and is run by its interpreter, if that is installed; then it is refused.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { signatureKind } from '../../src/crypto/detached/verify.ts'
import { parseChecksumList } from '../../src/formats/checksum-list.ts'
import { assertInert } from '../../src/formats/not-a-program.ts'
import { sha256 } from '../../src/primitives/sodium.ts'

const dir = mkdtempSync('/tmp/nixsig-inert-test-')
after(() => rmSync(dir, { recursive: true }))

const HASH = Buffer.from(sha256(Buffer.from('tool'))).toString('hex')
const [NUMBER, COMMAND] = ['1', '1e'].map(text => text.padStart(64, '0'))
const LIST = `${HASH}  tool.tar\n`
const CODE = Buffer.concat([Buffer.from('ED'), Buffer.alloc(72, 7)]).toString('base64')
const minisign = (untrusted: string, trusted: string) =>
  `untrusted comment: ${untrusted}\n${CODE}\ntrusted comment: ${trusted}\n${Buffer.alloc(64, 7).toString('base64')}\n`
const signify = (comment: string, rest = '') =>
  `untrusted comment: ${comment}\n${Buffer.concat([Buffer.from('Ed'), Buffer.alloc(72, 7)]).toString('base64')}\n${rest}`

/** Text in UTF-7, with every character other than a letter in its own base64. */
const utf7 = (text: string) =>
  text.replace(/[^a-z]+/g, part => {
    const units = Buffer.from(part, 'utf16le').swap16()
    return `+${units.toString('base64').replace(/=+$/, '')}-`
  })

interface Attack {
  readonly text: string
  /**
   * Makes the file `ran` from the text in `file`, or prints only `ran`. Absent for attacks that
   * would take a minute.
   */
  readonly run?: readonly [program: string, ...args: string[]]
  readonly reason: RegExp
}
const NO_WORD = /one word for the name of a file: it could be a program/
const NO_HASH = /digits that are not shaped like a hash/
const REMARK = /neither a heading nor one word/
const COMMENT = /a comment that is neither as tools write it nor one word/

const ATTACKS: Readonly<Record<string, Attack>> = {
  'a sed script: an address, and a command to run': {
    text: `${COMMAND}  touch ran\n`,
    run: ['sed', '-f', 'file', 'input'],
    reason: NO_WORD,
  },
  'a sed script whose command is one word': {
    text: `${COMMAND}  ./touch-ran\n`,
    run: ['sed', '-f', 'file', 'input'],
    reason: NO_HASH,
  },
  'a sed script that writes a text': {
    text: `${COMMAND?.replace('e', 'c')}  ran\n`,
    run: ['sed', '-f', 'file', 'input'],
    reason: NO_HASH,
  },
  'Python, in UTF-7': {
    text: `# -*- coding: utf-7 -*-\n# x${utf7('\nprint("ran")\n"""')}\n${LIST}# ${utf7('"""\n')}\n`,
    run: ['python3', 'file'],
    reason: REMARK,
  },
  'Python, in the letters of EBCDIC': {
    text: `# coding: 037 bytes\n${LIST}`,
    reason: REMARK,
  },
  'a Makefile in the comments of minisign': {
    text: minisign('comment main.o', 'CC = ./touch-ran'),
    run: ['make', '-f', 'file'],
    reason: COMMENT,
  },
  PostScript: {
    text: `${NUMBER}  pop (ran) (w) file\n`,
    run: ['gs', '-dNOSAFER', '-dBATCH', '-dNODISPLAY', '-q', 'file'],
    reason: NO_WORD,
  },
  'PostScript with one word per line': { text: `${NUMBER}  quit\n`, reason: NO_HASH },
  'a line of a crontab': { text: `${'0'.repeat(64)} * * * * touch ran\n`, reason: NO_WORD },
  'an m4 macro': {
    text: `syscmd(touch ran)= ${HASH}\n`,
    run: ['m4', 'file'],
    reason: NO_WORD,
  },
  'an m4 macro of one word': {
    text: `syscmd(./touch-ran)= ${HASH}\n`,
    run: ['m4', 'file'],
    reason: NO_WORD,
  },
  'an awk program that chooses what it prints': {
    text: `${'a'.repeat(64)} *0+NR==2\n`,
    run: ['awk', '-f', 'file', 'input'],
    reason: NO_WORD,
  },
  'shell commands in a signed list': { text: signify('x', `${HASH}  tool.tar -x\n`), reason: NO_WORD },
  'words in place of base 64, apart': {
    text: `-----BEGIN PGP SIGNATURE-----\n\nreboot\n\n${'A'.repeat(64)}\n-----END PGP SIGNATURE-----\n`,
    reason: /base 64 in lines of a few characters/,
  },
  'white space at the ends of lines, which is a language of its own': {
    text: `${LIST}# tool \t \n`,
    reason: REMARK,
  },
}

/** Whether it ran; undefined if its interpreter is not installed. */
function ran(text: string, [program, ...args]: readonly [string, ...string[]]): boolean | undefined {
  const scratch = mkdtempSync(join(dir, 'run-'))
  const write = (name: string, contents: string, mode = 0o644) =>
    writeFileSync(join(scratch, name), contents, { mode })
  write('file', text)
  write('input', 'good\nran\n')
  write('main.c', 'int main(void) { return 0; }\n')
  write('touch-ran', '#!/bin/sh\n>ran\n', 0o755)
  const { error, stdout } = spawnSync(program, args, { cwd: scratch, input: '', encoding: 'utf8' })
  if (error !== undefined) return undefined
  return existsSync(join(scratch, 'ran')) || /^(?:ran\n)+$/.test(stdout)
}

describe('attack: words in a file that looks like a signature', () => {
  for (const [what, { text, run, reason }] of Object.entries(ATTACKS)) {
    it(what, t => {
      if (run !== undefined) {
        const does = ran(text, run)
        assert.notEqual(does, false, text)
        if (does === undefined) t.diagnostic(`${run[0]} is not there`)
      }
      assert.throws(() => assertInert(Buffer.from(text)), reason)
    })
  }

  it('have the right format, so nothing else refuses them', () => {
    for (const [what, { text }] of Object.entries(ATTACKS)) {
      if (/in place of/.test(what)) continue
      if (text.startsWith('untrusted')) signatureKind(Buffer.from(text))
      else parseChecksumList(Buffer.from(text))
    }
  })
})

describe('what tools write', () => {
  const file = join(dir, 'tool-1.0.tar.gz')
  writeFileSync(file, 'tool')
  const lists: Readonly<Record<string, readonly [string, ...string[]]>> = {
    'of sha256sum': ['sha256sum', 'tool-1.0.tar.gz'],
    'of sha256sum, of a binary file': ['sha256sum', '--binary', 'tool-1.0.tar.gz'],
    'of sha512sum, as BSD writes it': ['sha512sum', '--tag', 'tool-1.0.tar.gz'],
    'of b2sum, as BSD writes it': ['b2sum', '--tag', 'tool-1.0.tar.gz'],
    'of md5sum': ['md5sum', 'tool-1.0.tar.gz'],
    'of openssl': ['openssl', 'dgst', '-sha256', 'tool-1.0.tar.gz'],
    'of openssl, by SHA-3': ['openssl', 'dgst', '-sha3-256', 'tool-1.0.tar.gz'],
  }
  for (const [what, [program, ...args]] of Object.entries(lists)) {
    it(`a list ${what}`, () => {
      const list = execFileSync(program, args, { cwd: dir })
      parseChecksumList(list)
      assertInert(list)
    })
  }

  it('signatures of signify, and its signed lists', () => {
    const run = (...args: string[]) => execFileSync('signify-openbsd', args, { cwd: dir, stdio: 'ignore' })
    run('-G', '-n', '-p', 'key.pub', '-s', 'key.sec')
    run('-S', '-s', 'key.sec', '-m', file, '-x', 'file.sig')
    writeFileSync(join(dir, 'SHA256'), execFileSync('sha256sum', ['--tag', 'tool-1.0.tar.gz'], { cwd: dir }))
    run('-S', '-e', '-s', 'key.sec', '-m', 'SHA256', '-x', 'SHA256.sig')
    for (const name of ['file.sig', 'SHA256.sig']) assertInert(readFileSync(join(dir, name)))
  })

  it('signatures of SSH', () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'ssh')])
    execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-f', join(dir, 'ssh'), '-n', 'file', file])
    assertInert(readFileSync(`${file}.sig`))
  })

  const texts: Readonly<Record<string, string>> = {
    'the comments of minisign': minisign(
      'signature from minisign secret key',
      'timestamp:1700000000\tfile:tool-1.0.tar.gz\thashed',
    ),
    'the comments of rsign': minisign(
      'signature from rsign secret key',
      'timestamp:1700000000\tfile:a\tprehashed',
    ),
    'the comments of minisign in Go': minisign(
      'signature from private key: A345BDA18A33D06',
      'timestamp:1600100266',
    ),
    'a name after the comments of minisign in Go': minisign(
      'x',
      'timestamp:1614718943\tfilename:message.txt',
    ),
    'the comment of signify with a key of its own name': signify('verify with openbsd-74-base.pub'),
    'the comment of usign': signify('signed by key ca85add129e64bab'),
    'armour by gpg --enarmor': `-----BEGIN PGP ARMORED FILE-----\nComment: Use "gpg --dearmor" for unpacking\n\n${'A'.repeat(64)}\nAAAA\n=AAAA\n-----END PGP ARMORED FILE-----\n`,
    'a Manifest of Gentoo': `TIMESTAMP 2024-05-01T00:00:00Z\nIGNORE distfiles\nDIST tool-1.0.tar.gz 1234 BLAKE2B ${HASH}${HASH} SHA512 ${HASH}${HASH}\n`,
    'a list of Gentoo': `# SHA512 HASH\n${HASH}${HASH}  tool-1.0.tar.gz\n`,
    'a list of Fedora': `# tool-1.0.iso: 2123456789 bytes\nSHA256 (tool-1.0.iso) = ${HASH}\n`,
    'a bundle of cosign': `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"${CODE}"},"tlogEntries":[{"logIndex":"1","inclusionProof":{"hashes":["${CODE}"],"checkpoint":{"envelope":"log2025-1.rekor.sigstore.dev\\n2\\n${CODE}\\n\\n— log2025-1.rekor.sigstore.dev ${CODE}\\n"}}}]},"messageSignature":{"signature":"${CODE}"}}\n`,
  }
  for (const [what, text] of Object.entries(texts)) {
    it(what, () => assertInert(Buffer.from(text)))
  }
})

describe('any choice of words', () => {
  const words = fc
    .array(
      fc.constantFrom(
        ...'touch ran CC = : ; + coding utf-7 1e .o file hashed secret key \t ( ) * %'.split(' '),
      ),
      {
        maxLength: 8,
      },
    )
    .map(parts => parts.join(' '))
  const accepted = (text: string) => {
    try {
      assertInert(Buffer.from(text))
      return true
    } catch {
      return false
    }
  }

  it('a name of more than one word is refused, and so is a remark or comment with an assignment', () => {
    fc.assert(
      fc.property(words, text => {
        if (/\s|[=:;()*%]/.test(text.trim())) {
          assert.ok(!accepted(`${HASH}  ${text}\n`), text)
          assert.ok(!accepted(`# ${text}\n${LIST}`), text)
          assert.ok(!accepted(minisign('x', text)), text)
          assert.ok(!accepted(signify(text)), text)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('digits that are a number with a command are refused, digits of hashes are not', () => {
    const rest = fc.stringMatching(/^[a-f0-9]{0,15}$/)
    fc.assert(
      fc.property(rest, text => assert.ok(!accepted(`${text.padStart(64, '0')}  tool.tar\n`))),
      { numRuns: 1000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes =>
        assert.ok(accepted(`${Buffer.from(sha256(bytes)).toString('hex')}  tool.tar\n`)),
      ),
      { numRuns: 2000 },
    )
  })
})
