import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentOf, DER, derElement, derElements, objectIdentifierOf } from '../../../src/formats/keys/der.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')
const hexOf = (content: Uint8Array) => Buffer.from(content).toString('hex')

test('reads consecutive elements, each with its content and its encoding', () => {
  const elements = derElements(bytes('0500 02 01 07 04 00'), 'test')
  assert.deepEqual(
    elements.map(({ tag, content, encoded }) => [tag, hexOf(content), hexOf(encoded)]),
    [
      [5, '', '0500'],
      [2, '07', '020107'],
      [4, '', '0400'],
    ],
  )
  const long = derElement(Buffer.concat([bytes('30 82 0100'), Buffer.alloc(256, 1)]), 'test')
  assert.equal(contentOf(long, DER.sequence, 'test').length, 256)
})

test('object identifiers are read with all their arcs', () => {
  const cases = [
    ['06 03 55 04 03', '2.5.4.3'],
    ['06 09 2a 86 48 86 f7 0d 01 07 02', '1.2.840.113549.1.7.2'],
    ['06 0a 2b 06 01 04 01 83 bf 30 01 08', '1.3.6.1.4.1.57264.1.8'],
    ['06 01 00', '0.0'],
    ['06 02 88 37', '2.999'],
  ] as const
  for (const [hex, dotted] of cases) {
    assert.equal(objectIdentifierOf(derElement(bytes(hex), 'test'), 'test'), dotted)
  }
})

test('an arc that would overflow into another identifier is refused, and so are padded and truncated ones', () => {
  const cases = [
    ['06 07 55 90 80 80 80 9d 03', /more than 31 bits/],
    ['06 03 55 80 03', /padded/],
    ['06 02 55 9d', /breaks off/],
    ['06 00', /breaks off/],
  ] as const
  for (const [hex, reason] of cases) {
    assert.throws(() => objectIdentifierOf(derElement(bytes(hex), 'test'), 'test'), reason, hex)
  }
})

test('ambiguous and truncated encodings are refused', () => {
  const refused = {
    'a length without an end': '30 80 00 00',
    'a length in more bytes than it needs': '04 81 01 00',
    'a length with a leading zero': '04 82 00 ff',
    'a length in too many bytes': '04 85 00 00 00 00 01 00',
    'less than it says': '04 02 00',
    'no length': '04',
    'a tag of two bytes': '1f 81 00',
  }
  for (const [what, hex] of Object.entries(refused)) {
    assert.throws(() => derElements(bytes(hex), 'test'), FormatError, what)
  }
  for (const hex of ['', '0500 0500'])
    assert.throws(() => derElement(bytes(hex), 'test'), /not one DER element/)
  assert.throws(() => contentOf(derElement(bytes('0500'), 'test'), DER.sequence, 'test'), /tag 48/)
  assert.throws(() => contentOf(undefined, DER.sequence, 'test'), FormatError)
})
