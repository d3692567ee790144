import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FileError } from '../../src/files/regular-file.ts'
import { entryDirectory, readEntry, writeEntry } from '../../src/quarantine/entries.ts'
import type { QuarantineEntry } from '../../src/quarantine/entry.ts'

const state = mkdtempSync(join(tmpdir(), 'nixsig-entries-'))
after(() => rmSync(state, { recursive: true, force: true }))

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const OTHER = 'zyxwvsrqpnmlkjihgfdcba9876543210'
const ENTRY: QuarantineEntry = {
  path: `/nix/store/${DIGEST}-tool`,
  narHash: 'ab'.repeat(32),
  narSize: 120,
  references: [`/nix/store/${OTHER}-lib`],
  derivation: `/nix/store/${OTHER}-tool.drv`,
  builtHere: false,
  registered: 1_790_000_000,
  refused: 1_790_000_001,
  outcome: 'indeterminate',
  reason: 'refused it\n  needs alice \u202e',
}

/** Parses an entry whose file holds these bytes. */
function readAs(contents: string | Uint8Array): QuarantineEntry | undefined {
  const id = writeEntry(state, ENTRY)
  writeFileSync(join(entryDirectory(state, id), 'entry.json'), contents)
  return readEntry(state, id)
}

function assertRefused(contents: string | Uint8Array, reason: RegExp): void {
  assert.throws(
    () => readAs(contents),
    error => {
      assert.ok(error instanceof FileError)
      assert.match(error.message, /\/entry\.json is malformed: /)
      assert.match(error.message, reason)
      assert.doesNotMatch(error.message, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
      return true
    },
  )
}

test('an entry is read back as it was written', () => {
  assert.deepEqual(readEntry(state, writeEntry(state, ENTRY)), ENTRY)
  const bare: QuarantineEntry = {
    ...ENTRY,
    references: [],
    builtHere: true,
    outcome: 'untrusted',
    reason: '',
  }
  assert.deepEqual(readEntry(state, writeEntry(state, bare)), bare)
})

test('an entry without its entry.json is absent', () => {
  const id = writeEntry(state, ENTRY)
  rmSync(join(entryDirectory(state, id), 'entry.json'))
  assert.equal(readEntry(state, id), undefined)
})

test('attack: a file that is not JSON brings nothing unescaped into the message', () => {
  assertRefused('\u001b]0;owned\u0007\u202e', /expected a value/)
  assertRefused('{"\u202e\\u001b[2J": 1}', /unknown field "\\u\{202e\}\\u\{1b\}\[2J"/)
  assertRefused(Buffer.from([0x22, 0xff, 0x22]), /not UTF-8/)
})

test('a file that is cut off anywhere is refused', () => {
  const text = JSON.stringify(ENTRY)
  for (let length = 0; length < text.length; length++) assertRefused(text.slice(0, length), /JSON: /)
})

test('a field that is repeated, unknown or missing is refused', () => {
  const text = JSON.stringify(ENTRY)
  assertRefused(text.replace('{', '{"path":"/nix/store/x",'), /key "path" is repeated/)
  assertRefused(JSON.stringify({ ...ENTRY, trusted: true }), /unknown field "trusted"/)
  for (const name of Object.keys(ENTRY)) {
    assertRefused(JSON.stringify({ ...ENTRY, [name]: undefined }), new RegExp(`field "${name}" is missing`))
  }
})

test('attack: an entry about another path moves nothing out of the store under this one’s name', () => {
  const path = `/nix/store/${OTHER}-tool`
  assertRefused(JSON.stringify({ ...ENTRY, path }), new RegExp(`it is about ${path}$`))
})

const WRONG: readonly (readonly [field: keyof QuarantineEntry, value: unknown, reason: RegExp])[] = [
  ['path', '/etc/passwd', /store path: .*\(path\)/],
  ['path', `${ENTRY.path}/../../../etc`, /store path: .*\(path\)/],
  ['derivation', `${ENTRY.derivation}\n/nix/store/x`, /store path: .*\(derivation\)/],
  ['references', [ENTRY.path, `${ENTRY.path}\n`], /store path: .*\(references\[1\]\)/],
  ['references', {}, /must be a list \(references\)/],
  ['narHash', 'AB'.repeat(32), /64 lower-case hexadecimal digits \(narHash\)/],
  ['narSize', -1, /not a number from 0 .*\(narSize\)/],
  ['narSize', '120', /not a number from 0 .*\(narSize\)/],
  ['registered', 1.5, /number is not a plain integer/],
  ['refused', 8_640_000_000_001, /not a number from 0 .*\(refused\)/],
  ['builtHere', 1, /must be true or false \(builtHere\)/],
  ['outcome', 'trusted', /must be "untrusted" or "indeterminate" \(outcome\)/],
  ['reason', ['x'], /must be a string \(reason\)/],
]
for (const [field, value, reason] of WRONG) {
  test(`${field} cannot be ${JSON.stringify(value)}`, () => {
    assertRefused(JSON.stringify({ ...ENTRY, [field]: value }), reason)
  })
}
