// Ends of lines, as git writes them for files with eol=crlf.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { withCrlf } from '../../../src/expressions/lock/attributes.ts'

const CR_LF = Buffer.from('\r\n')

describe('CR LF at the ends of lines', () => {
  const contents = fc
    .array(fc.constantFrom('\n', '\r', '\r\n', 'a', '\u00e9', '\0'), { maxLength: 40 })
    .map(parts => Buffer.from(parts.join(''), 'latin1'))

  it('stand before each LF that has no CR yet, and nothing else changes', () => {
    fc.assert(
      fc.property(contents, bytes => {
        const text = bytes.toString('latin1')
        const expected = text.split('\n').map((line, index, all) => {
          return index === all.length - 1 || line.endsWith('\r') ? line : `${line}\r`
        })
        const converted = Buffer.from(withCrlf(bytes, 'text')).toString('latin1')
        assert.equal(converted, expected.join('\n'))
        assert.equal(converted.replaceAll('\r\n', '\n'), text.replaceAll('\r\n', '\n'))
        const isBinary = /[\0\r]/.test(text)
        assert.equal(Buffer.from(withCrlf(bytes, 'auto')).toString('latin1'), isBinary ? text : converted)
      }),
    )
  })

  it('attack: are written into the largest file, which no string could hold', { timeout: 120_000 }, () => {
    const large = Buffer.alloc(512 * 1024 * 1024, 'x')
    large[1000] = 10
    assert.throws(() => large.toString('latin1'), /ERR_STRING_TOO_LONG|longer than/)
    const converted = Buffer.from(withCrlf(large, 'text'))
    assert.equal(converted.length, large.length + 1)
    assert.deepEqual(converted.subarray(1000, 1002), CR_LF)
    assert.ok(converted.subarray(1002).equals(large.subarray(1001)))
  })

  it('attack: are written into a file of nothing else', { timeout: 60_000 }, () => {
    const converted = Buffer.from(withCrlf(Buffer.alloc(20_000_000, '\n'), 'text'))
    assert.equal(converted.length, 40_000_000)
    assert.deepEqual(converted.subarray(-2), CR_LF)
  })
})
