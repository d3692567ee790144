import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { toNix32 } from '../../src/formats/nix/nix32.ts'
import { fromHex } from '../../src/primitives/hex.ts'
import { narHashOfTree } from '../../src/store/disk-tree-nar.ts'
import { renewInodes } from '../../src/store/fresh-inodes.ts'
import { compiledModule } from '../gate/compiled-module.ts'

let store: string
let path: string
let aside: string
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'nixsig-fresh-'))
  path = join(store, 'path')
  aside = join(store, 'aside')
})
afterEach(() => rmSync(store, { recursive: true, force: true }))

type Tree = string | { readonly link: string } | { readonly [name: string]: Tree }

const { tree } = fc.letrec<{ tree: Tree; node: Tree }>(tie => ({
  node: fc.oneof(
    { maxDepth: 3 },
    fc.string({ maxLength: 40 }),
    fc.record({ link: fc.constantFrom('nowhere', '/etc/passwd', '..', '.') }),
    tie('tree'),
  ),
  tree: fc.dictionary(fc.constantFrom('a', 'b c', 'ü', '-rf', 'x.y'), tie('node'), { maxKeys: 4 }),
}))

function lay(at: string, node: Tree): void {
  if (typeof node === 'string') {
    writeFileSync(at, node)
    chmodSync(at, node.length % 2 === 0 ? 0o444 : 0o555)
    utimesSync(at, 1, 1)
  } else if (typeof node['link'] === 'string') {
    symlinkSync(node['link'], at)
  } else {
    mkdirSync(at)
    for (const [name, inner] of Object.entries(node)) lay(join(at, name), inner as Tree)
    chmodSync(at, 0o555)
    utimesSync(at, 1, 1)
  }
}

/** Mode, time and inode of everything at a path. */
function look(
  at: string,
  found = new Map<string, { readonly kind: string; readonly inode: number; readonly seen: string }>(),
) {
  const { mode, mtimeMs, ino, uid, gid, nlink } = lstatSync(at)
  const kind = ['directory', 'file', 'link'][[0o040000, 0o100000, 0o120000].indexOf(mode & 0o170000)] ?? ''
  found.set(at, { kind, inode: ino, seen: [mode, mtimeMs, uid, gid, nlink].join() })
  if (kind === 'directory') for (const name of readdirSync(at)) look(join(at, name), found)
  return found
}

test('each regular file of any tree gets another inode, and nothing else is changed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(tree, fc.string()), async node => {
      lay(path, node as Tree)
      const { narHash } = await narHashOfTree(path)
      const before = look(path)
      assert.equal(await renewInodes(path, narHash, aside), undefined)
      const after = look(path)
      assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort())
      for (const [at, { kind, inode, seen }] of before) {
        assert.equal(after.get(at)?.seen, seen, at)
        assert.equal(after.get(at)?.inode === inode, kind !== 'file', `${kind} ${at}`)
      }
      assert.equal((await narHashOfTree(path)).narHash, narHash)
      assert.deepEqual(readdirSync(store), ['path'])
      rmSync(path, { recursive: true, force: true })
    }),
    { numRuns: 60 },
  )
})

test('attack: writing through a descriptor that was opened before changes nothing in the store', async () => {
  lay(path, { a: 'good', d: { b: 'good' } })
  const { narHash } = await narHashOfTree(path)
  chmodSync(join(path, 'a'), 0o644)
  chmodSync(join(path, 'd/b'), 0o644)
  const held = [openSync(join(path, 'a'), 'r+'), openSync(join(path, 'd/b'), 'r+')]
  assert.equal(await renewInodes(path, narHash, aside), undefined)
  for (const fd of held) {
    writeSync(fd, 'EVIL', 0)
    closeSync(fd)
  }
  assert.equal((await narHashOfTree(path)).narHash, narHash)
  assert.equal(readFileSync(join(path, 'd/b'), 'utf8'), 'good')
})

test('attack: contents other than the registered ones are reported and left as they are', async () => {
  lay(path, { a: 'evil' })
  const { narHash: found } = await narHashOfTree(path)
  const before = look(path)
  const registered = 'ab'.repeat(32)
  assert.deepEqual(await renewInodes(path, registered, aside), { registered, found })
  assert.deepEqual(look(path), before)
  assert.deepEqual(readdirSync(store), ['path'])
})

test('attack: only the link through which an optimised store would reuse the old inode is removed', async () => {
  lay(path, { a: 'good', b: 'other' })
  mkdirSync(join(store, '.links'))
  const linkOf = async (file: string) =>
    join(store, '.links', toNix32(fromHex((await narHashOfTree(file)).narHash)))
  const [own, others] = [await linkOf(join(path, 'a')), await linkOf(join(path, 'b'))]
  linkSync(join(path, 'a'), own)
  // Same contents but another file: whoever made this path does not hold it open.
  linkSync(join(path, 'b'), join(store, 'elsewhere'))
  writeFileSync(others, 'other')
  const { narHash } = await narHashOfTree(path)
  assert.equal(await renewInodes(path, narHash, aside), undefined)
  assert.deepEqual(readdirSync(join(store, '.links')), [others.split('/').at(-1)])
  assert.equal(lstatSync(join(path, 'a')).nlink, 1)
})

test('anything but a file, a directory or a link is an error', async () => {
  await assert.rejects(renewInodes('/dev/null', 'ab'.repeat(32), aside))
  await assert.rejects(renewInodes(path, 'ab'.repeat(32), aside), /could not be copied/)
  assert.deepEqual(readdirSync(store), [])
})

test('killed at any moment, the contents are unchanged', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`f${index}`, `contents ${index}`]),
  )
  lay(path, { ...files, deep: files })
  const { narHash } = await narHashOfTree(path)
  const program = `
    const [, module, path, narHash] = process.argv
    const { renewInodes } = await import(module)
    console.log('on')
    for (let round = 0; ; round++) {
      if ((await renewInodes(path, narHash, path + process.pid + '-' + round)) !== undefined) process.exit(3)
    }
  `
  const module = await compiledModule('src/store/fresh-inodes.ts')
  for (let round = 0; round < 12; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program, module, path, narHash], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
    await new Promise(resolve => child.stdout.once('data', resolve))
    await sleep(Math.random() * 60)
    child.kill('SIGKILL')
    assert.equal(await ended, null)
    assert.equal((await narHashOfTree(path)).narHash, narHash)
    assert.equal(lstatSync(join(path, 'f0')).mtimeMs, 1000)
  }
})

/** Large enough that other work runs while it is copied and while it is hashed. */
const LARGE = 'x'.repeat(16 * 1024 * 1024)

/** Waits until copying has begun. */
async function begun(): Promise<void> {
  while (!existsSync(join(aside, '0'))) await setImmediate()
}

/** Creates a tree, begins to renew it, and removes it while it is copied. */
async function takenAway(made: Tree) {
  lay(path, made)
  const { narHash } = await narHashOfTree(path)
  const renewing = renewInodes(path, narHash, aside)
  // It may have failed before the test looks.
  renewing.catch(() => undefined)
  const taken = join(store, 'taken')
  await begun()
  renameSync(path, taken)
  return { narHash, renewing, taken }
}

test('race: two processes renew one path at once: it keeps its contents and its times', async () => {
  for (const node of [LARGE, { a: LARGE, d: { b: LARGE, c: 'small' }, e: { link: 'a' } }]) {
    lay(path, node)
    const { narHash } = await narHashOfTree(path)
    const before = look(path)
    const both = await Promise.all([
      renewInodes(path, narHash, aside),
      renewInodes(path, narHash, `${aside}-2`),
    ])
    assert.deepEqual(both, [undefined, undefined])
    const after = look(path)
    for (const [at, { kind, inode, seen }] of before) {
      assert.equal(after.get(at)?.seen, seen, at)
      assert.equal(after.get(at)?.inode === inode, kind !== 'file', at)
    }
    assert.equal((await narHashOfTree(path)).narHash, narHash)
    assert.deepEqual(readdirSync(store), ['path'])
    rmSync(path, { recursive: true })
  }
})

for (const [what, made, again] of [
  ['file', LARGE, 'made again'],
  ['tree', { a: LARGE, b: 'one' }, { a: 'made again', b: 'two' }],
] as const) {
  test(`race: a ${what} that is taken away and made again while it is copied keeps its new contents`, async () => {
    const { narHash, renewing, taken } = await takenAway(made)
    lay(path, again)
    const before = look(path)
    const { narHash: newHash } = await narHashOfTree(path)
    const altered = await renewing.catch((error: Error) => error)
    if (what === 'file') assert.deepEqual(altered, { registered: narHash, found: newHash })
    assert.deepEqual(look(path), before)
    assert.equal((await narHashOfTree(taken)).narHash, narHash)
  })

  test(`race: a ${what} that is taken away while it is copied is not put back`, async () => {
    const { narHash, renewing, taken } = await takenAway(made)
    const end = await renewing.catch((error: Error) => error)
    if (what === 'file') assert.match(String(end), /ENOENT|cannot be read/)
    assert.deepEqual(readdirSync(store), ['taken'])
    assert.equal((await narHashOfTree(taken)).narHash, narHash)
  })
}
