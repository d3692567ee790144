// Whole publications: synchronised, interrupted, too large; and the command that does it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { build } from 'esbuild'
import { mirrorOf } from '../../../src/evidence/remote/mirror.ts'
import { openSources } from '../../../src/evidence/remote/sources.ts'
import { syncMirror } from '../../../src/evidence/remote/sync.ts'
import { type Files, listed, publicationOf, type Server, serve } from '../../support/publication.ts'

const IMPATIENT = { headers: 1500, body: 2000, pauses: [5, 10] }
const NOW = Math.floor(Date.now() / 1000)

/** So many files of so many parts. */
function many(count: number, contents = 'contents'): Files {
  const digits = '0123456789abcdfghijklmnpqrsvwxyz'
  const names = Array.from({ length: count }, (_, index) => {
    const part = `${digits.charAt(index % 3)}${digits.charAt(index % 5)}`
    return `${part}${String(index).padStart(30, '0')}.asc`
  })
  return Object.fromEntries(names.map(name => [name, `${contents} of ${name}`]))
}

async function scene(context: TestContext, files: Files) {
  const state = mkdtempSync(join(tmpdir(), 'nixsig-sync-'))
  const server = await serve(publicationOf(files, NOW - 1000))
  context.after(async () => {
    await server.close()
    rmSync(state, { recursive: true, force: true })
  })
  const mirror = mirrorOf(state, { url: server.url, maxAge: 0 })
  return { server, state, mirror, sync: () => syncMirror(mirror, IMPATIENT, () => undefined) }
}

/** What is in a mirror besides what is known of its source. */
function contentsOf(directory: string): ReadonlyMap<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(entry =>
    entry.isFile(),
  )
  const names = files.map(entry => join(entry.parentPath, entry.name).slice(directory.length + 1)).sort()
  const own = ['source', 'failure']
  return new Map(
    names
      .filter(name => !own.includes(name))
      .map(name => [name, readFileSync(join(directory, name), 'utf8')]),
  )
}

function contentsServed(server: Server): ReadonlyMap<string, string> {
  return new Map([...server.files].sort().map(([name, bytes]) => [name, Buffer.from(bytes).toString()]))
}

test('a mirror becomes what its source is, file by file, and again', async context => {
  const { server, mirror, sync } = await scene(context, many(40))
  const first = await sync()
  assert.deepEqual(first, {
    added: 40,
    changed: 0,
    removed: 0,
    unchanged: 0,
    published: NOW - 1000,
    problems: [],
  })
  assert.deepEqual(contentsOf(mirror.directory), contentsServed(server))
  server.log.length = 0
  assert.equal((await sync()).unchanged, 40)
  assert.deepEqual(server.log, ['index 304'])

  const files = { ...many(30), [`zz${'x'.repeat(30)}.asc`]: 'new', ...many(2, 'other') }
  server.files = publicationOf(files, NOW)
  const { added, changed, removed, unchanged } = await sync()
  assert.deepEqual(
    { added, changed, removed, unchanged },
    { added: 1, changed: 2, removed: 10, unchanged: 28 },
  )
  assert.deepEqual(contentsOf(mirror.directory), contentsServed(server))
})

test('what is in a mirror and not in its source goes, whatever it is', async context => {
  const { server, mirror, sync } = await scene(context, many(3))
  await sync()
  writeFileSync(join(mirror.directory, `00/00${'x'.repeat(30)}.asc`), 'stray')
  mkdirSync(join(mirror.directory, 'zz'))
  writeFileSync(join(mirror.directory, 'zz/zz.1.2~'), 'half')
  assert.equal((await sync()).removed, 2)
  assert.deepEqual(contentsOf(mirror.directory), contentsServed(server))
})

test('a link in a mirror is replaced, and what it leads to is not written', async context => {
  const { server, state, mirror, sync } = await scene(context, many(1))
  await sync()
  const [name = ''] = Object.keys(many(1))
  // As long a path as the file has bytes: only that it is a link tells them apart.
  const length = server.files.get(`00/${name}`)?.length ?? 0
  const target = join(state, 'x'.repeat(length - state.length - 1))
  writeFileSync(target, 'safe')
  rmSync(join(mirror.directory, '00', name))
  symlinkSync(target, join(mirror.directory, '00', name))
  assert.deepEqual((await sync()).problems, [])
  assert.equal(readFileSync(target, 'utf8'), 'safe')
  assert.deepEqual(contentsOf(mirror.directory), contentsServed(server))
})

test('one part that fails is told, and the others are fetched', async context => {
  const { server, mirror, sync } = await scene(context, many(15))
  server.trick = (_, response, path) => path.startsWith('11/') && response.writeHead(403).end() !== undefined
  const { added, problems } = await sync()
  assert.equal(added, 14)
  assert.equal(problems.length, 1)
  assert.match(problems[0] ?? '', /^11\/index: answered 403 \(it last answered 20/)
  assert.equal(existsSync(join(mirror.directory, '11')), false)
})

test('a source that does not answer is one problem, and the mirror stays as it is', async context => {
  const { server, mirror, sync } = await scene(context, many(5))
  await sync()
  const before = contentsOf(mirror.directory)
  await server.close()
  const { problems, unchanged } = await sync()
  assert.equal(problems.length, 1)
  assert.match(problems[0] ?? '', /^index: .*ECONNREFUSED/)
  assert.equal(unchanged, 0)
  assert.deepEqual(contentsOf(mirror.directory), before)
})

test('attack: a part that would fill the disk is not fetched', async context => {
  const { server, sync } = await scene(context, {})
  const names = Array.from({ length: 17 }, (_, count) => `00${String(count).padStart(30, '0')}.asc`)
  const lines = names.map(name => `${name} 16777216 ${'ab'.repeat(32)}\n`)
  const part = Buffer.from(`nixsig-publication-part-1 00\n${lines.join('')}`)
  const { size, sha256 } = listed(part)
  server.files = new Map([
    ['index', Buffer.from(`nixsig-publication-1 2026-01-01T00:00:00Z\n00 ${size} ${sha256}\n`)],
    ['00/index', part],
  ])
  const { problems } = await sync()
  assert.match(problems.join(), /^00\/index lists more than 268435456 bytes/)
  assert.deepEqual(server.log, ['index 200', '00/index 200'])
})

/** A program that synchronises, to be killed. */
async function syncProgram(directory: string): Promise<string> {
  const outfile = join(directory, 'sync.mjs')
  await build({
    stdin: {
      contents: `import { mirrorOf } from './src/evidence/remote/mirror.ts'
        import { syncMirror } from './src/evidence/remote/sync.ts'
        const [, , state, url] = process.argv
        const { problems } = await syncMirror(mirrorOf(state, { url, maxAge: 0 }),
          { headers: 5000, body: 5000, pauses: [] }, () => undefined)
        console.log(problems.length)`,
      resolveDir: PROJECT_ROOT,
    },
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  })
  return outfile
}

test('a sync that is killed at any moment leaves nothing that is believed, and the next one finishes it', async context => {
  const { server, state, mirror, sync } = await scene(context, many(60))
  const directory = mkdtempSync(join(PROJECT_ROOT, '.build', 'sync-'))
  context.after(() => rmSync(directory, { recursive: true }))
  const program = await syncProgram(directory)
  for (let round = 0; round < 6; round++) {
    let requests = 0
    server.files = publicationOf(many(60, `round ${round}`), NOW - 500 + round)
    const child = spawn(process.execPath, [program, state, server.url], { stdio: 'ignore' })
    const closed = once(child, 'close')
    // Killed in the middle of an answer, later in each round.
    server.trick = () => {
      if (++requests > 1 + round * 12) child.kill('SIGKILL')
      return false
    }
    await closed
    server.trick = undefined

    const [name = ''] = Object.keys(many(60))
    const path = `/nix/store/${name.slice(0, 32)}-x`
    assert.deepEqual(await openSources(state, [{ url: server.url, maxAge: 0 }]).refresh(path), [])
    const text = readFileSync(join(mirror.directory, name.slice(0, 2), name), 'utf8')
    assert.equal(text, `round ${round} of ${name}`)
  }
  assert.deepEqual((await sync()).problems, [])
  assert.deepEqual(contentsOf(mirror.directory), contentsServed(server))
})

test('several programs that synchronise at once do not tread on each other', async context => {
  const { server, state, mirror, sync } = await scene(context, many(40))
  await sync()
  server.files = publicationOf(many(35, 'changed'), NOW)
  const directory = mkdtempSync(join(PROJECT_ROOT, '.build', 'sync-'))
  context.after(() => rmSync(directory, { recursive: true }))
  const program = await syncProgram(directory)
  const children = [1, 2, 3].map(() =>
    spawn(process.execPath, [program, state, server.url], { stdio: 'pipe' }),
  )
  const said = await Promise.all(
    children.map(async child => {
      let text = ''
      child.stdout.on('data', chunk => {
        text += chunk
      })
      await once(child, 'close')
      return text
    }),
  )
  assert.deepEqual(said, ['0\n', '0\n', '0\n'])
  assert.deepEqual(contentsOf(mirror.directory), contentsServed(server))
})
