// Which store paths a tree contains.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { storePathsNamedIn } from '../../src/store/tree-references.ts'

const home = mkdtempSync(join(tmpdir(), 'nixsig-named-'))
after(() => rmSync(home, { recursive: true }))

const named = (digit: string, name = 'tool-1.0') => `/nix/store/${digit.repeat(32)}-${name}`

test('names are found in files, links and directories, also where a piece of the tree ends in the middle of one', async () => {
  const tree = join(home, 'tree')
  mkdirSync(join(tree, 'a/b'), { recursive: true })
  symlinkSync(named('1'), join(tree, 'a/link'))
  writeFileSync(join(tree, 'a/b/last'), named('2'))
  const long = named('3', 'n'.repeat(211))
  // Files are read in chunks of 256 KiB.
  for (let shift = 0; shift <= 260; shift += 20) {
    const before = Buffer.alloc(256 * 1024 - shift, '.')
    writeFileSync(
      join(tree, `file-${shift}`),
      Buffer.concat([before, Buffer.from(`${long} ${named('4')}\n`)]),
    )
  }
  assert.deepEqual(
    new Set(await storePathsNamedIn(tree)),
    new Set([named('1'), named('2'), long, named('4')]),
  )
})

test('a tree that is too large, or names too much, is refused', async () => {
  const large = join(home, 'large')
  writeFileSync(large, Buffer.alloc(65 * 1024 * 1024))
  await assert.rejects(storePathsNamedIn(large), /too many bytes/)
  const many = join(home, 'many')
  writeFileSync(many, Array.from({ length: 10_001 }, (_, n) => named('5', `n-${n}`)).join(' '))
  await assert.rejects(storePathsNamedIn(many), /too many store paths/)
})

/**
 * The longest stretch, in milliseconds, for which the work blocks the event loop. Time that the
 * machine spends on other processes is not counted.
 */
async function longestBlock(work: Promise<unknown>): Promise<number> {
  const worked = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  let longest = 0
  let last = worked()
  const timer = setInterval(() => {
    longest = Math.max(longest, worked() - last)
    last = worked()
  }, 1)
  await work
  clearInterval(timer)
  return longest
}

test('other requests are answered meanwhile: 60 MiB in one file, and 20,000 small ones', async () => {
  const file = join(home, 'big')
  writeFileSync(file, Buffer.alloc(60 * 1024 * 1024, `${named('6')} `))
  const directory = join(home, 'small')
  for (let n = 0; n < 20_000; n++) {
    if (n % 100 === 0) mkdirSync(join(directory, `${n / 100}`), { recursive: true })
    writeFileSync(join(directory, `${Math.floor(n / 100)}/${n}`), named('7'))
  }
  for (const tree of [file, directory]) {
    const longest = await longestBlock(storePathsNamedIn(tree))
    assert.ok(longest < 200, `${longest.toFixed(0)} ms without a turn for others`)
  }
})
