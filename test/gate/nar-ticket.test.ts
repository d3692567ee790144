import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKey } from '../../src/crypto/secret-key.ts'
import { fittingTicket, type NarTicket, narTicket, readNarTicket } from '../../src/gate/nar-ticket.ts'
import { FormatError } from '../../src/primitives/format-error.ts'

const KEY = generateKey('gate-1')
const [PRIVATE, DIRECTORY] = ['https://private.example/cache', 'file:///srv']
const FILE = { upstream: PRIVATE, file: 'nar/0abc.nar.xz?hash=1', compression: 'xz' }
const OTHER = { upstream: DIRECTORY, file: 'nar/0abc.nar', compression: 'none' }
const TICKET: NarTicket = { form: 'nar', hash: 'ab'.repeat(32), narSize: 120, files: [FILE, OTHER] }

const read = (text: string, upstreams = [DIRECTORY, PRIVATE]) => readNarTicket(KEY, upstreams, text)

/** A ticket with something else in it, and the signature of another. */
function changed(text: string, change: (what: string) => string): string {
  const [nar, what = '', signature] = text.split('/')
  return [
    nar,
    Buffer.from(change(Buffer.from(what, 'base64url').toString())).toString('base64url'),
    signature,
  ].join('/')
}

test('a ticket leads back to the files that it was given for, in their order, with any gate of the same key', () => {
  for (const form of ['passed', 'file', 'nar'] as const) {
    const text = narTicket(KEY, { ...TICKET, form })
    assert.match(text, /^nar\/[\w-]+\/[\w-]{86}$/)
    assert.deepEqual(readNarTicket({ publicKey: KEY.publicKey }, [DIRECTORY, PRIVATE], text), {
      ...TICKET,
      form,
    })
  }
})

test('attack: a ticket that no gate gave opens nothing', () => {
  const text = narTicket(KEY, TICKET)
  const [nar, what = '', signature = ''] = text.split('/')
  const forged = [
    changed(text, inside => inside.replace('nar/0abc.nar.xz', 'secrets.txt')),
    changed(text, inside => inside.replace('ab', 'cd')),
    changed(text, inside => inside.replace(' 120', ' 121')),
    changed(text, inside => inside.replace(/^nar /, 'passed ')),
    changed(text, inside => inside.split('\n').slice(0, 2).join('\n')),
    changed(text, inside => `${inside}\n`),
    [nar, what, `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`].join('/'),
    [nar, `${what}=`, signature].join('/'),
    [nar, `${what}A`, signature].join('/'),
    [nar, what].join('/'),
    [nar, what, signature, ''].join('/'),
    [nar, '..', signature].join('/'),
    `nar//${what}/${signature}`,
  ]
  for (const one of forged) assert.equal(read(one), undefined, one)
  assert.equal(readNarTicket(generateKey('gate-1'), [DIRECTORY, PRIVATE], text), undefined)
})

test('attack: a ticket opens nothing of an upstream that the policy no longer names', () => {
  const text = narTicket(KEY, TICKET)
  assert.deepEqual(read(text, [DIRECTORY])?.files, [OTHER])
  assert.deepEqual(read(text, [PRIVATE, 'https://other.example'])?.files, [FILE])
  assert.equal(read(text, ['https://other.example']), undefined)
  assert.equal(read(text, []), undefined)
})

test('a ticket has as many files as fit into a request, in their order', () => {
  const long = { ...FILE, file: 'a'.repeat(2000) }
  const files = Array.from({ length: 40 }, (_, index) => ({ ...FILE, file: `nar/${index}.nar.xz` }))
  const fitting = fittingTicket({ ...TICKET, files: [long, ...files] })
  assert.deepEqual(fitting.files, files.slice(0, 16))
  const longer = fittingTicket({
    ...TICKET,
    files: files.map(file => ({ ...file, file: file.file.repeat(20) })),
  })
  assert.ok(longer.files.length > 1 && longer.files.length < 16)
  const text = narTicket(KEY, longer)
  assert.ok(text.length <= 2000)
  assert.deepEqual(read(text), longer)
  assert.throws(() => narTicket(KEY, { ...TICKET, files: [long] }), FormatError)
})
