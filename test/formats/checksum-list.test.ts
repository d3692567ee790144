import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { CHECKSUM_LIST_LIMIT, parseChecksumList } from '../../src/formats/checksum-list.ts'
import { FormatError } from '../../src/primitives/format-error.ts'

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
  it('reads what the tools write, with odd names too', () => {
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

  it('passes over comments and empty lines, and tells weak and unknown algorithms', () => {
    const weak = `${'c'.repeat(32)}  x\n${'d'.repeat(40)}  x\nMD5 (x) = ${'c'.repeat(32)}\n`
    const others = `BLAKE2b (x) = ${'e'.repeat(128)}\nSHA512/256 (x) = ${B}\nSHA3-256 (x) = ${B}\nSIZE (x) = 12\n`
    assert.deepEqual(names(`# a comment\n\n${weak}${others}${A}  x\n`), ['other x', 'sha256 x'])
    assert.deepEqual(names(weak), ['other x'])
    refuses('', /no checksum/)
    refuses('# nothing\n', /no checksum/)
  })

  it('reads line ends of Windows, and no other carriage returns', () => {
    assert.deepEqual(names(`${A}  x\r\n${B}  y\r\n`), ['sha256 x', 'sha256 y'])
    refuses(`${A}  x\r${B}  y\n`, /not a checksum/)
  })

  it('refuses two checksums of one path, however they are written', () => {
    refuses(`${A}  x\n${B}  x\n`, /another checksum of x/)
    refuses(`${A}  x\n${B} *./x\n`, /another checksum of x/)
    refuses(`${A}  x\nSHA256 (x) = ${B}\n`, /another checksum of x/)
    refuses(`${A}  a/x\n${B}  ././a/x\n`, /another checksum of a\/x/)
  })

  it('takes a checksum twice, by two algorithms, and of one name in two directories', () => {
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

  it('refuses what is no list', () => {
    refuses('<html>not found</html>\n', /not a checksum \(line 1\)/)
    refuses(`${A} x\n`, /not a checksum/)
    refuses(`\ufeff${A}  x\n`, /list of checksums/)
    refuses(`${A}a  x\n`, /a checksum of 65 digits/)
    refuses(`SHA256 (x) = ${'a'.repeat(63)}\n`, /not the digits of SHA256/)
    refuses(`\\${A}  a\\tb\n`, /an escape that there is not/)
    refuses(`\\${A}  ab\\\n`, /an escape that there is not/)
    refuses(Buffer.from(`${A}  caf\xe9\n`, 'latin1'), /UTF-8/)
  })

  it('refuses too much, and decides soon', () => {
    refuses(Buffer.alloc(CHECKSUM_LIST_LIMIT + 1, '#'), /larger than/)
    refuses('\n'.repeat(100_000), /more than 100000 lines/)
    const slow = [`A (${') = a'.repeat(800_000)}!`, 'a'.repeat(4_000_000), `${'(A'.repeat(2_000_000)}!`]
    for (const text of slow) {
      const start = performance.now()
      refuses(text, /checksum/)
      assert.ok(performance.now() - start < 1000)
    }
  })
})
