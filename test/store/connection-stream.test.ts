// Answers that are streamed: their length, their pace, and who stops in the middle.
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { openConnection } from '../../src/store/connection.ts'
import { StoreError } from '../../src/store/store-error.ts'
import type { Reader } from '../../src/store/wire.ts'

function pipe() {
  const [input, output] = [new PassThrough(), new PassThrough()]
  let isClosed = false
  const close = () => {
    isClosed = true
  }
  return { input, output, ended: new Promise<string>(() => {}), close, isClosed: () => isClosed }
}

/** Waits for a question. */
function asked({ output }: ReturnType<typeof pipe>): Promise<unknown> {
  return new Promise(resolve => output.once('data', resolve))
}

function* nothing(): Reader<void> {}
function* eight(): Reader<string> {
  return Buffer.from(yield 8).toString()
}

test('an answer of so many bytes, and the next question on the same connection', async () => {
  const made = pipe()
  const connection = openConnection(made, 500)
  const pieces: Uint8Array[] = []
  const reading = (async () => {
    for await (const piece of connection.stream(Buffer.from('a'), nothing(), 5_000_000)) pieces.push(piece)
  })()
  const next = connection.exchange(Buffer.from('b'), eight())
  await asked(made)
  for (let index = 0; index < 50; index++) made.input.write(Buffer.alloc(100_000, index))
  await reading
  await asked(made)
  made.input.write('the next')
  assert.equal(await next, 'the next')
  assert.equal(Buffer.concat(pieces).length, 5_000_000)
})

test('attack: a store that sends faster than is read fills no memory', async () => {
  const made = pipe()
  const connection = openConnection(made, 500)
  const reading = connection.stream(Buffer.from('a'), nothing(), 500_000_000)
  const first = reading.next()
  let written = 0
  await asked(made)
  made.input.write('x')
  await first
  while (written < 100_000_000 && made.input.write(Buffer.alloc(100_000))) {
    written += 100_000
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.ok(written < 5_000_000, `${written}`)
  await reading.return()
  assert.ok(made.isClosed(), 'the rest would be the answer to the next question')
})

test('attack: a store that stops in the middle', async () => {
  const made = pipe()
  const reading = openConnection(made, 50).stream(Buffer.from('a'), nothing(), 100)
  const first = reading.next()
  await asked(made)
  made.input.write('x')
  await first
  await assert.rejects(reading.next(), StoreError)
  assert.ok(made.isClosed())
})
