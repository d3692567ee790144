// What C makes of a reply of the gate: exactly what TypeScript wrote, and never a byte that is not
// printable.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { type HookReply, inAscii, parseReply, printReply, REPLY_LIMIT } from '../../src/formats/hook-reply.ts'
import { type AskPlugin, openPlugin } from '../support/plugin.ts'

let plugin: AskPlugin
before(() => {
  plugin = openPlugin()
})
after(() => plugin.close())

const SILENT = { isByLine: false, versions: [] }

test('C accepts every reply that TypeScript writes, with the same texts', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 })
  fc.assert(
    fc.property(fc.constantFrom('pass', 'refuse'), text, text, (outcome, words, notice) => {
      const sentence = outcome === 'pass' ? '' : `no${words.replaceAll('\n', ' ')}`
      const reply: HookReply = { outcome, sentence, notice, telling: SILENT }
      const { sentence: sent, notice: lines } = inAscii(reply)
      assert.deepEqual(plugin.readReply(printReply(reply)), { kind: outcome, sentence: sent, notice: lines })
    }),
    { numRuns: 500 },
  )
})

test('attack: no byte but printable ASCII gets through C, wherever in a reply it is', () => {
  const templates: readonly HookReply[] = [
    { outcome: 'refuse', sentence: 'a#b', notice: '', telling: SILENT },
    { outcome: 'pass', sentence: '', notice: 'a\n#', telling: SILENT },
    { outcome: 'error', sentence: '#', notice: '', telling: SILENT },
  ]
  for (const [index, reply] of templates.entries()) {
    const bytes = printReply(reply)
    const at = bytes.indexOf('#')
    for (let byte = 0; byte < 256; byte++) {
      bytes[at] = byte
      const isText = (byte >= 0x20 && byte < 0x7f) || (index === 1 && byte === 0x0a)
      const read = plugin.readReply(bytes)
      const why = read.kind === 'failed' ? read.why : ''
      assert.equal(/character that is not text/.test(why), !isText, `${byte}: ${JSON.stringify(read)}`)
      assert.doesNotMatch(JSON.stringify(read), /[^ -~]/)
    }
  }
})

test('a reply may be as long in C as in TypeScript, and not a byte longer', () => {
  const empty = printReply({ outcome: 'refuse', sentence: 'x'.repeat(10_000), notice: '', telling: SILENT })
  const sentence = 'x'.repeat(10_000 + REPLY_LIMIT - empty.length)
  const bytes = printReply({ outcome: 'refuse', sentence, notice: '', telling: SILENT })
  assert.equal(bytes.length, REPLY_LIMIT)
  assert.deepEqual(plugin.readReply(bytes), { kind: 'refuse', sentence, notice: '' })
  const longer = Buffer.from(
    bytes
      .toString()
      .replace(/ \d+ /, ` ${sentence.length + 1} `)
      .replace('x', 'xx'),
  )
  assert.throws(() => parseReply(longer), /longer than 65536 bytes/)
  const read = plugin.readReply(longer)
  assert.match(read.kind === 'failed' ? read.why : '', /longer than 65536 bytes/)
})
