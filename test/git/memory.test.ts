// Packs that stand for more than git could hold in memory.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { crc32, deflateSync } from 'node:zlib'
import { copyPack } from '../../src/git/copy-pack.ts'
import { mirrorCommit } from '../../src/git/mirror.ts'
import { openGitObjects } from '../../src/git/objects.ts'
import { makeOwnRepository } from '../../src/git/own-repository.ts'
import { endOf, startGit } from '../../src/git/run-git.ts'
import { testRepository } from '../support/git.ts'
import { type GitDaemon, gitDaemon } from '../support/git-daemon.ts'

const dir = mkdtempSync('/tmp/nixsig-memory-')
let daemon: GitDaemon
before(async () => {
  daemon = await gitDaemon(dir)
})
after(() => {
  daemon.close()
  rmSync(dir, { recursive: true, force: true })
})

const TYPE = { commit: 1, tree: 2, blob: 3, delta: 7 }
const BASE = Buffer.alloc(65536)

/** Seven bits in each byte, the lowest first. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    const more = rest >= 128 ? 128 : 0
    bytes.push((rest % 128) | more)
    if (more === 0) return Buffer.from(bytes)
  }
}

function head(type: number, size: number): Buffer {
  const more = size >= 16 ? 128 : 0
  const first = Buffer.from([more | (type << 4) | (size % 16)])
  return more === 0 ? first : Buffer.concat([first, varint(Math.floor(size / 16))])
}

function sha1(...pieces: readonly (string | Buffer)[]): Buffer {
  const hash = createHash('sha1')
  for (const piece of pieces) hash.update(piece)
  return hash.digest()
}

function idOf(type: string, bytes: Buffer): Buffer {
  return sha1(`${type} ${bytes.length}\0`, bytes)
}

function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index)
  return bytes
}

/**
 * A pack with a commit whose tree has a file that is a delta of `copies` times 64 KiB, and its
 * index (gitformat-pack(5)). The file's id is made up: nobody who only has it serves computes it.
 */
function bomb(copies: number) {
  const base = idOf('blob', BASE)
  const file = Buffer.alloc(20, 0xbb)
  const delta = Buffer.concat([varint(BASE.length), varint(BASE.length * copies), Buffer.alloc(copies, 0x80)])
  const tree = Buffer.concat([Buffer.from('100644 a\0'), base, Buffer.from('100644 b\0'), file])
  const treeId = idOf('tree', tree)
  const person = 'a <a@example.org> 1 +0000'
  const commit = Buffer.from(`tree ${treeId.toString('hex')}\nauthor ${person}\ncommitter ${person}\n\nx\n`)
  const commitId = idOf('commit', commit)
  const entries = [
    { id: base, bytes: Buffer.concat([head(TYPE.blob, BASE.length), deflateSync(BASE)]) },
    { id: file, bytes: Buffer.concat([head(TYPE.delta, delta.length), base, deflateSync(delta)]) },
    { id: treeId, bytes: Buffer.concat([head(TYPE.tree, tree.length), deflateSync(tree)]) },
    { id: commitId, bytes: Buffer.concat([head(TYPE.commit, commit.length), deflateSync(commit)]) },
  ]
  const body = Buffer.concat([
    Buffer.from('PACK'),
    uint32(2, entries.length),
    ...entries.map(each => each.bytes),
  ])
  const trailer = sha1(body)
  let offset = 12
  const placed = entries.map(({ id, bytes }) => {
    const at = offset
    offset += bytes.length
    return { id, at, crc: crc32(bytes) }
  })
  placed.sort((a, b) => Buffer.compare(a.id, b.id))
  const fanout = Array.from(
    { length: 256 },
    (_, first) => placed.filter(({ id }) => (id[0] ?? 0) <= first).length,
  )
  const index = Buffer.concat([
    Buffer.from('ff744f63', 'hex'),
    uint32(2, ...fanout),
    ...placed.map(({ id }) => id),
    uint32(...placed.map(({ crc }) => crc)),
    uint32(...placed.map(({ at }) => at)),
    trailer,
  ])
  return {
    pack: Buffer.concat([body, trailer]),
    index: Buffer.concat([index, sha1(index)]),
    trailer: trailer.toString('hex'),
    commit: commitId.toString('hex'),
    file: file.toString('hex'),
  }
}

/** Puts such a pack into the objects of a repository. */
function plant(objects: string, { pack, index, trailer }: ReturnType<typeof bomb>): void {
  mkdirSync(join(objects, 'pack'), { recursive: true })
  writeFileSync(join(objects, 'pack', `pack-${trailer}.pack`), pack)
  writeFileSync(join(objects, 'pack', `pack-${trailer}.idx`), index)
}

/** 3 GiB, in a pack of less than 1 KiB. */
const LARGE = bomb(3 * 16 * 1024)

describe('attack: a pack that is a bomb', () => {
  it('comes from a server: the fetch ends, without the memory', async () => {
    const { directory, git } = testRepository(join(dir, 'bomb'))
    assert.ok(LARGE.pack.length < 1024)
    plant(join(directory, '.git/objects'), LARGE)
    git('update-ref', 'refs/heads/main', LARGE.commit)
    git('config', 'uploadpack.allowAnySHA1InWant', 'true')
    await assert.rejects(
      mirrorCommit(join(dir, 'mirrors'), daemon.url('bomb'), LARGE.commit),
      /cannot fetch from git:.*(?:[Oo]ut of memory|index-pack (?:failed|died)|invalid index-pack)/s,
    )
  })

  it('lies in a local repository: reading and copying the object end', async () => {
    const [from, to] = [join(dir, 'from'), join(dir, 'to')]
    for (const each of [from, to]) makeOwnRepository(each, 20)
    plant(join(from, 'objects'), LARGE)
    const objects = openGitObjects(from)
    await assert.rejects(objects.read(LARGE.file, 'blob'), /larger than|git ended|ended|memory/)
    objects.close()
    const complaint = await copyPack({ from, to }, ['--revs', '--window=0'], `${LARGE.commit}\n`)
    assert.match(complaint ?? '', /memory|died|early EOF|bad|delta|index-pack/)
  })
})

describe('every git that nixsig starts', () => {
  it('has its memory and its files bounded, whatever it is told to do', async () => {
    const directory = join(dir, 'limits')
    makeOwnRepository(directory, 20)
    for (const args of [
      ['cat-file', '--batch'],
      ['index-pack', '--stdin'],
      ['rev-list', '--stdin'],
    ]) {
      const git = startGit({ directory }, args)
      const end = endOf(git)
      git.stdout.resume()
      // prlimit becomes git after it has set the limits.
      const command = () => readFileSync(`/proc/${git.pid}/cmdline`, 'latin1')
      while (!command().startsWith('git\0') && !/^[^\0]*\/git\0/.test(command())) {
        await new Promise(resolve => setTimeout(resolve, 5))
      }
      const limits = readFileSync(`/proc/${git.pid}/limits`, 'latin1')
      assert.match(limits, /^Max data size +1610612736 +1610612736/m, args.join(' '))
      assert.match(limits, /^Max file size +17179869184 +17179869184/m, args.join(' '))
      git.kill('SIGKILL')
      await end
    }
  })
})
