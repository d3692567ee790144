import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { build } from 'esbuild'
import { isPartial, writeDurably } from '../../src/files/durable-file.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixsig-durable-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

/** A program that repeatedly replaces a file with one of two contents of 200 kB each. */
async function writerProgram(): Promise<string> {
  const outfile = join(dir, 'writer.mjs')
  const source = join(PROJECT_ROOT, 'src/files/durable-file.ts')
  await build({
    stdin: {
      contents: `import { writeDurably } from ${JSON.stringify(source)}
        const [file, letter] = process.argv.slice(2)
        for (;;) writeDurably(file, letter.repeat(200_000), { flush: false })`,
      resolveDir: PROJECT_ROOT,
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
  })
  return outfile
}

test('makes the directory, and only the owner can read the file', () => {
  const file = join(dir, 'a/b/entry')
  writeDurably(file, 'text', { flush: true })
  assert.equal(readFileSync(file, 'utf8'), 'text')
  assert.deepEqual(readdirSync(join(dir, 'a/b')), ['entry'])
})

test('two writers that are killed at any point leave either of the contents whole', async () => {
  const program = await writerProgram()
  const file = join(dir, 'entry')
  for (let round = 0; round < 12; round++) {
    const writers = ['a', 'b'].map(letter =>
      spawn(process.execPath, [program, file, letter], { stdio: 'inherit' }),
    )
    // Once the file exists, they are killed later and later.
    for (let wait = 0; !existsSync(file) && wait < 500; wait++) await setTimeout(20)
    await setTimeout(round * 9)
    for (const writer of writers) {
      writer.kill('SIGKILL')
      await once(writer, 'close')
    }
    const names = readdirSync(dir).filter(name => name.startsWith('entry'))
    assert.ok(names.includes('entry'), 'the writers had time to write')
    for (const name of names.filter(name => !isPartial(name))) {
      const text = readFileSync(join(dir, name), 'utf8')
      assert.equal(text.length, 200_000)
      assert.ok(text === 'a'.repeat(200_000) || text === 'b'.repeat(200_000))
    }
  }
})

test('a file that is given a mode has it, whatever the umask is', () => {
  for (const mask of [0o000, 0o077, 0o777]) {
    const file = join(dir, `${mask}`)
    const before = process.umask(mask)
    try {
      writeDurably(file, 'x', { flush: false, mode: 0o644 })
    } finally {
      process.umask(before)
    }
    assert.equal(statSync(file).mode & 0o7777, 0o644)
  }
})
