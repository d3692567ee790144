import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { CHECKSUM_LIST_LIMIT, parseChecksumList } from '../../src/formats/checksum-list.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { cpuTime } from '../support/cpu-time.ts'

const dir = mkdtempSync('/tmp/nixsig-sums-')
after(() => rmSync(dir, { recursive: true, force: true }))

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const parse = (text: string) => parseChecksumList(Buffer.from(text, 'utf8'))
const names = (text: string) => parse(text).map(({ algorithm, name }) => `${algorithm} ${name}`)
const refuses = (text: string | Uint8Array, reason: RegExp) =>
  assert.throws(
    () => parseChecksumList(typeof text === 'string' ? Buffer.from(text) : text),
    (error: unknown) => error instanceof FormatError && reason.test(error.message),
  )

describe('lists of checksums', () => {
  it('reads what the tools write, including odd names', () => {
    mkdirSync(join(dir, 'sub'))
    for (const name of ['plain', 'two words', 'back\\slash', 'new\nline', 'a) = b', '*star', 'sub/inner']) {
      writeFileSync(join(dir, name), name)
    }
    const files = ['plain', 'two words', 'back\\slash', 'new\nline', 'a) = b', '*star', './sub/inner']
    const wanted = files.map(name => name.split('/').at(-1))
    for (const size of ['256', '384', '512']) {
      for (const args of [[], ['--binary'], ['--tag']]) {
        const list = execFileSync(`sha${size}sum`, [...args, '--', ...files], { cwd: dir })
        const read = parseChecksumList(list)
        assert.deepEqual(
          read.map(({ name }) => name),
          wanted,
        )
        for (const { algorithm, hash } of read) {
          assert.equal(algorithm, `sha${size}`)
          assert.ok(list.includes(hash))
        }
      }
    }
  })

  it('reads what openssl and BSD write', () => {
    assert.deepEqual(
      names(`SHA256(x.tar)= ${A}\nSHA2-256(y.tar)= ${B}\nSHA256 (z.tar) = ${A.toUpperCase()}\n`),
      ['sha256 x.tar', 'sha256 y.tar', 'sha256 z.tar'],
    )
  })

  it('skips comments and empty lines, and marks weak and unknown algorithms', () => {
    const weak = `${'c'.repeat(32)}  x\n${'d'.repeat(40)}  x\nMD5 (x) = ${'c'.repeat(32)}\n`
    const others = `BLAKE2s (x) = ${B}\nSHA512/256 (x) = ${B}\nSM3 (x) = ${B}\nSIZE (x) = 12\n`
    assert.deepEqual(names(`# a comment\n\n${weak}${others}${A}  x\n`), ['other x', 'sha256 x'])
    assert.deepEqual(names(weak), ['other x'])
    refuses('', /no checksum/)
    refuses('# nothing\n', /no checksum/)
  })

  it('reads Windows line ends, and no other carriage returns', () => {
    assert.deepEqual(names(`${A}  x\r\n${B}  y\r\n`), ['sha256 x', 'sha256 y'])
    refuses(`${A}  x\r${B}  y\n`, /not a checksum/)
  })

  it('refuses two checksums of one path, however they are written', () => {
    refuses(`${A}  x\n${B}  x\n`, /another checksum of x/)
    refuses(`${A}  x\n${B} *./x\n`, /another checksum of x/)
    refuses(`${A}  x\nSHA256 (x) = ${B}\n`, /another checksum of x/)
    refuses(`${A}  a/x\n${B}  ././a/x\n`, /another checksum of a\/x/)
  })

  it('accepts a repeated checksum, two algorithms, and one name in two directories', () => {
    assert.deepEqual(names(`${A}  x\n${A} *x\n${'c'.repeat(128)}  x\n`), ['sha256 x', 'sha512 x'])
    assert.deepEqual(names(`${A}  win-x64/node.exe\n${B}  win-x86/node.exe\n`), [
      'sha256 node.exe',
      'sha256 node.exe',
    ])
  })

  it('refuses a checksum without a name', () => {
    refuses(`${A}\n`, /a checksum without the name of a file/)
    refuses(`${A}  \n`, /not a checksum/)
  })

  it('refuses text that is not a list', () => {
    refuses('<html>not found</html>\n', /not a checksum \(line 1\)/)
    refuses(`${A}*x\n`, /not a checksum/)
    refuses(`${A}\n x\n`, /without the name/)
    refuses(`\ufeff${A}  x\n`, /list of checksums/)
    refuses(`${A}a  x\n`, /a checksum of 65 digits/)
    refuses(`SHA256 (x) = ${'a'.repeat(63)}\n`, /not the digits of SHA256/)
    refuses(`\\${A}  a\\tb\n`, /an escape that there is not/)
    refuses(`\\${A}  ab\\\n`, /an escape that there is not/)
    refuses(Buffer.from(`${A}  caf\xe9\n`, 'latin1'), /UTF-8/)
  })

  it("recognises SHA-3 and BLAKE2b by tags, and by Gentoo's headings", () => {
    const [c, d] = ['c'.repeat(128), 'd'.repeat(128)]
    assert.deepEqual(
      names(
        `BLAKE2b (x) = ${c}\nBLAKE2b-256 (x) = ${A}\nSHA3-256 (x) = ${A}\nSHA3-512(x)= ${c}\nBLAKE2B-512(y)= ${c}\n`,
      ),
      ['blake2b-512 x', 'blake2b-256 x', 'sha3-256 x', 'sha3-512 x', 'blake2b-512 y'],
    )
    assert.deepEqual(names(`# BLAKE2B HASH\n${c}  x\n# SHA512 HASH\n${d}  x\n# WHIRLPOOL HASH\n${c}  x\n`), [
      'blake2b-512 x',
      'sha512 x',
      'other x',
    ])
    assert.deepEqual(parse(`# SHA512 HASH\n${c}  x\n`)[0]?.perhaps, undefined)
    refuses(`# SHA512 HASH\n${A}  x\n`, /not the digits of SHA512/)
    refuses(`# SHA512 HASH\n${c}  x\n${d}  x\n`, /another checksum of x/)
  })

  it('reads the lines of a Gentoo Manifest', () => {
    const [c, d] = ['c'.repeat(128), 'd'.repeat(128)]
    const list = `TIMESTAMP 2026-01-01T00:00:00Z\nDIST x.tar 12 BLAKE2B ${c} SHA512 ${d}\nAUX files/p 1 SHA256 ${A} WHIRLPOOL ${c}\n`
    assert.deepEqual(names(list), ['blake2b-512 x.tar', 'sha512 x.tar', 'sha256 p', 'other p'])
    refuses(`DIST x.tar 12 SHA512 ${A}\n`, /not the digits of SHA512/)
    refuses(`DIST x.tar 12 SHA512 ${c} SHA512 ${d}\n`, /another checksum of x\.tar/)
    refuses(`DIST x.tar 12 SHA512\n`, /not a checksum/)
    refuses(`DIST x\\x20y 12 SHA512 ${c}\n`, /not a checksum/)
  })

  it('lists every algorithm that an untagged checksum may be of', () => {
    const perhaps = (digits: number) =>
      parse(`${'a'.repeat(digits)}  x\n`).map(line => [line.algorithm, line.perhaps])
    assert.deepEqual(perhaps(64), [['sha256', ['sha3-256', 'blake2b-256']]])
    assert.deepEqual(perhaps(128), [['sha512', ['sha3-512', 'blake2b-512']]])
    assert.deepEqual(perhaps(40), [['other', undefined]])
  })

  /** What may stand between checksum and name. */
  const BETWEEN = ['  ', ' *', ' ', '\t', '\t ', '\t*', '\t\t', ' \t', '   ', '*', '', ' \u00a0']
  const AROUND = ['', ' ', '\t', ' \t ']

  it('treats white space as sha256sum does', () => {
    for (const name of ['x', ' x', '*x', '\tx', '\u00a0x']) writeFileSync(join(dir, name), name)
    for (const between of BETWEEN) {
      for (const before of AROUND) {
        const line = `${before}${'0'.repeat(64)}${between}x\n`
        const { stdout, stderr } = spawnSync('sha256sum', ['--check'], {
          cwd: dir,
          input: line,
          encoding: 'utf8',
        })
        const [, whose] = /^(?:\\)?(.*): FAILED$/m.exec(stdout) ?? []
        if (whose === undefined) refuses(line, /not a checksum/)
        else assert.deepEqual(names(line), [`sha256 ${whose}`], stderr)
      }
    }
  })

  it('refuses mixed forms of lines, which sha256sum misreads', () => {
    refuses(`${A} x\n${B}  y\n`, /one character .* or two, but not both \(line 2\)/)
    refuses(`${A}  x\n# \n${B}\ty\n`, /one character .* or two, but not both \(line 3\)/)
    assert.deepEqual(names(`${A} x\n${B}\ty\n`), ['sha256 x', 'sha256 y'])
  })

  it('refuses lists that are too long, quickly', () => {
    refuses(Buffer.alloc(CHECKSUM_LIST_LIMIT + 1, '#'), /larger than/)
    refuses('\n'.repeat(100_000), /more than 100000 lines/)
    const slow = [`A (${') = a'.repeat(800_000)}!`, 'a'.repeat(4_000_000), `${'(A'.repeat(2_000_000)}!`]
    for (const text of slow) {
      const start = cpuTime()
      refuses(text, /checksum/)
      assert.ok(cpuTime() - start < 1000)
    }
  })
})
