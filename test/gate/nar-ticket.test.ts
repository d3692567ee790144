import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKey } from '../../src/crypto/secret-key.ts'
import { narTicket, readNarTicket } from '../../src/gate/nar-ticket.ts'
import { FormatError } from '../../src/primitives/format-error.ts'

const KEY = generateKey('gate-1')
const UPSTREAM = 'https://private.example/cache'
const FILE = { upstream: UPSTREAM, file: 'nar/0abc.nar.xz?hash=1' }

test('a ticket leads back to the file that it was given for, with any gate of the same key', () => {
  const ticket = narTicket(KEY, FILE)
  assert.match(ticket, /^nar\/[0-9a-f]{16}\/[\w-]+\/[\w-]{86}$/)
  assert.deepEqual(readNarTicket({ publicKey: KEY.publicKey }, ['file:///srv', UPSTREAM], ticket), FILE)
})

test('attack: a ticket that no gate gave opens nothing', () => {
  const ticket = narTicket(KEY, FILE)
  const [nar, id, file = '', signature = ''] = ticket.split('/')
  const other = Buffer.from('secrets.txt').toString('base64url')
  const forged = [
    [nar, id, other, signature],
    [nar, '0'.repeat(16), file, signature],
    [nar, id, file, `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`],
    [nar, id, `${file}-`, signature],
    [nar, id, file],
    [nar, id, file, signature, ''],
    [nar, id, '..', signature],
    [`${nar}/`, id, file, signature],
  ]
  for (const parts of forged) {
    assert.equal(readNarTicket(KEY, [UPSTREAM], parts.join('/')), undefined, parts.join('/'))
  }
  assert.equal(readNarTicket(generateKey('gate-1'), [UPSTREAM], ticket), undefined)
})

test('attack: a ticket for one upstream opens nothing of another, and nothing of one that the policy no longer names', () => {
  const ticket = narTicket(KEY, FILE)
  const moved = ticket.replace(
    /[0-9a-f]{16}/,
    narTicket(KEY, { ...FILE, upstream: 'file:///srv' }).slice(4, 20),
  )
  assert.equal(readNarTicket(KEY, [UPSTREAM, 'file:///srv'], moved), undefined)
  assert.equal(readNarTicket(KEY, ['file:///srv'], ticket), undefined)
})

test('a name that would not fit into a request is no ticket', () => {
  assert.throws(() => narTicket(KEY, { ...FILE, file: 'a'.repeat(2000) }), FormatError)
})
