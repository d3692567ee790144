import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printDescribed, readNarName } from '../../../../src/evidence/upstreams/stores/described.ts'
import { parseNarinfo } from '../../../../src/formats/nix/narinfo.ts'
import { FormatError } from '../../../../src/primitives/format-error.ts'
import type { PathInfo } from '../../../../src/store/queries.ts'

const DIGEST = '0c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8'
const PATH = `/nix/store/${DIGEST}-hello-2.12`
const INFO: PathInfo = {
  path: PATH,
  deriver: `/nix/store/${'1'.repeat(32)}-hello.drv`,
  narHash: 'ab'.repeat(32),
  narSize: 120,
  references: [PATH, `/nix/store/${'2'.repeat(32)}-glibc`],
  registrationTime: 1,
  ultimate: true,
  signatures: ['a:b'],
}

test('what a store registered is read as a narinfo, with the name of its NAR', () => {
  const narinfo = parseNarinfo(printDescribed(INFO))
  assert.deepEqual([narinfo.path, narinfo.compression, narinfo.deriver], [PATH, 'none', INFO.deriver])
  assert.deepEqual(narinfo.references, INFO.references)
  assert.deepEqual(readNarName(narinfo.url), { path: PATH, narHash: INFO.narHash, narSize: 120 })
})

test('attack: a signature that would add a line to the narinfo is left out, and takes no other away', () => {
  const signatures = ['a:b\nURL: http://evil/', 'x'.repeat(513), '', 'c:d', 'e f', '\x1b[31m']
  const narinfo = parseNarinfo(printDescribed({ ...INFO, signatures }))
  assert.deepEqual(narinfo.signatures, ['c:d'])
})

test('attack: fields that would end their line are refused', () => {
  assert.throws(() => printDescribed({ ...INFO, ca: 'fixed:r:sha256:x\nSig: y' }), FormatError)
  assert.throws(() => printDescribed({ ...INFO, references: ['/nix/store/x y'] }), FormatError)
  assert.throws(() => printDescribed({ ...INFO, deriver: '/etc/passwd' }), FormatError)
})

for (const name of [
  '',
  `${DIGEST}-x/${'a'.repeat(64)}-0.nar`,
  `${DIGEST}-x/${'A'.repeat(64)}-1.nar`,
  `../${DIGEST}-x/${'a'.repeat(64)}-1.nar`,
  `${DIGEST}-x y/${'a'.repeat(64)}-1.nar`,
  `${DIGEST}-x/${'a'.repeat(64)}-9999999999999999.nar`,
])
  test(`attack: "${name}" names no NAR`, () => {
    assert.throws(() => readNarName(name), FormatError)
  })
