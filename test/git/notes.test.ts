// Writing notes into somebody's repository, and exchanging them.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { linesOf, unionOfLines } from '../../src/formats/note-lines.ts'
import { editNotes } from '../../src/git/edit-notes.ts'
import { fetchNotes, pushNotes } from '../../src/git/exchange-notes.ts'
import { notePath, withLines } from '../../src/git/notes-contents.ts'
import { openRepository } from '../../src/git/open-repository.ts'
import { remoteOf } from '../../src/git/remote.ts'
import { eventually } from '../support/eventually.ts'
import { type TestRepository, testRepository } from '../support/git.ts'

const dir = mkdtempSync('/tmp/nixsig-git-notes-')
after(() => rmSync(dir, { recursive: true, force: true }))
const REF = 'refs/notes/nixsig'

let count = 0
function repositoryWithCommit(settings: Readonly<Record<string, string>> = {}): TestRepository {
  count++
  const repository = testRepository(join(dir, `repository-${count}`), settings)
  writeFileSync(join(repository.directory, 'file'), 'the same\n')
  repository.git('add', 'file')
  repository.git('commit', '-q', '-m', 'One')
  return repository
}

async function addLine({ directory, git }: TestRepository, line: string, object?: string): Promise<void> {
  const path = notePath(object ?? git('rev-parse', 'HEAD'))
  await editNotes(directory, { ref: REF, message: 'Add a line' }, ({ repository, store, contents }) =>
    withLines(store, repository, contents, { path, lines: Buffer.from(`${line}\n`) }),
  )
}

function noteIn({ git }: TestRepository): readonly string[] {
  return git('notes', `--ref=${REF}`, 'show').split('\n')
}

describe('the lines of two notes', () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c c', '', '\u00e9', 'sig:v0:x'), { maxLength: 6 })
    .map(lines => Buffer.from(lines.join('\n'), 'latin1'))

  it('are merged without loss, in whatever order and however often', () => {
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        const of = (...texts: readonly Uint8Array[]) => Buffer.from(unionOfLines(texts)).toString('latin1')
        const merged = (x: Uint8Array, y: Uint8Array) => unionOfLines([x, y])
        assert.equal(of(a, b), of(b, a))
        assert.equal(of(merged(a, b), c), of(a, merged(b, c)))
        assert.equal(of(merged(a, b), b), of(a, b))
        const all = linesOf(merged(a, b))
        for (const line of [...linesOf(a), ...linesOf(b)]) assert.ok(all.includes(line))
        assert.equal(all.length, new Set([...linesOf(a), ...linesOf(b)]).size)
      }),
    )
  })
})

describe('a note in somebody’s repository', () => {
  it('keeps what others wrote, wherever it lies, and git goes on with it', async () => {
    const repository = repositoryWithCommit()
    repository.git('notes', `--ref=${REF}`, 'add', '-m', 'by git')
    await addLine(repository, 'by us')
    assert.deepEqual(noteIn(repository), ['by git', 'by us'])
    repository.git('notes', `--ref=${REF}`, 'append', '-m', 'by git again')
    await addLine(repository, 'by us')
    assert.deepEqual(noteIn(repository), ['by git', 'by git again', 'by us'])
    execFileSync('git', ['-C', repository.directory, 'fsck', '--strict', '--no-dangling'])
  })

  it('gets the lines of six writers at once, and of git between them', async () => {
    const repository = repositoryWithCommit()
    const names = Array.from({ length: 6 }, (_, index) => `line ${index + 10}`)
    await Promise.all(names.map(name => addLine(repository, name)))
    assert.deepEqual(noteIn(repository), names)
    assert.equal(existsSync(join(repository.directory, '.git', `${REF}.lock`)), false)
  })

  it('is written without running anything that the repository names', async () => {
    const [program, marker] = [join(dir, 'program'), join(dir, 'ran')]
    writeFileSync(program, `#!/bin/sh\necho "$0 $*" >> ${marker}\n`)
    chmodSync(program, 0o755)
    const hooks = join(dir, 'hooks')
    mkdirSync(hooks)
    for (const hook of [
      'reference-transaction',
      'post-rewrite',
      'pre-push',
      'post-update',
      'update',
      'pre-receive',
    ]) {
      symlinkSync(program, join(hooks, hook))
    }
    const hostile = {
      'core.fsmonitor': program,
      'gpg.program': program,
      'core.sshCommand': program,
      'filter.evil.clean': program,
      'core.alternateRefsCommand': program,
      'uploadpack.packObjectsHook': program,
    }
    const [repository, other] = [hostile, {}].map(settings => repositoryWithCommit(settings))
    assert.ok(repository && other)
    repository.git('config', 'core.hooksPath', hooks)
    rmSync(marker, { force: true })
    await addLine(repository, 'one')
    await pushNotes(repository.directory, { directory: other.directory }, REF)
    await addLine(other, 'two')
    await fetchNotes(repository.directory, { directory: other.directory }, REF)
    assert.deepEqual(noteIn(other), ['one', 'two'])
    assert.equal(existsSync(marker), false)
    assert.deepEqual(noteIn(repository), ['one', 'two'])
  })

  it('is not written through a link, nor where a symbolic reference leads', async () => {
    const repository = repositoryWithCommit()
    const elsewhere = join(dir, 'elsewhere')
    mkdirSync(elsewhere)
    symlinkSync(elsewhere, join(repository.directory, '.git/refs/notes'))
    await assert.rejects(addLine(repository, 'x'), /refs\/notes is not a directory/)
    const other = repositoryWithCommit()
    mkdirSync(join(other.directory, '.git/refs/notes'))
    symlinkSync(join(elsewhere, 'file'), join(other.directory, '.git', REF))
    await assert.rejects(addLine(other, 'x'), /not a plain file/)
    rmSync(join(other.directory, '.git', REF))
    writeFileSync(join(other.directory, '.git', REF), 'ref: refs/heads/main\n')
    const main = other.git('rev-parse', 'main')
    await assert.rejects(addLine(other, 'x'), /holds no object id/)
    assert.equal(other.git('rev-parse', 'main'), main)
    assert.deepEqual(existsSync(join(elsewhere, 'file')), false)
  })
})

describe('notes of two repositories', () => {
  it('meet without loss: pushed and fetched, both have all lines, and nothing is left to do', async () => {
    const [one, two] = [repositoryWithCommit(), repositoryWithCommit()]
    const object = one.git('rev-parse', 'HEAD')
    for (const [each, line] of [
      [one, 'a'],
      [two, 'b'],
      [one, 'c'],
      [two, 'c'],
    ] as const) {
      await addLine(each, line, object)
    }
    await addLine(two, 'elsewhere', '1'.repeat(40))
    const remote = { directory: two.directory }
    assert.equal(await pushNotes(one.directory, remote, REF), 'changed')
    for (const each of [one, two]) assert.deepEqual(noteIn(each), ['a', 'b', 'c'])
    assert.equal(one.git('rev-parse', REF), two.git('rev-parse', REF))
    assert.equal(await fetchNotes(one.directory, remote, REF), 'unchanged')
    assert.equal(await fetchNotes(one.directory, remote, 'refs/notes/signatures'), 'absent')
    assert.equal(one.git('notes', `--ref=${REF}`, 'list').split('\n').length, 2)
  })

  it('meet over the network, where others push as well', async () => {
    const bare = join(dir, 'served.git')
    execFileSync('git', ['init', '--quiet', '--bare', bare])
    execFileSync('git', ['-C', bare, 'config', 'daemon.receivepack', 'true'])
    const port = await freePort()
    const args = [
      'daemon',
      '--reuseaddr',
      '--export-all',
      `--port=${port}`,
      '--listen=127.0.0.1',
      `--base-path=${dir}`,
    ]
    const daemon = spawn('git', args, { stdio: 'ignore', detached: true })
    try {
      const url = `git://127.0.0.1:${port}/served.git`
      await answering(url)
      const people = [repositoryWithCommit(), repositoryWithCommit(), repositoryWithCommit()]
      const object = people[0]?.git('rev-parse', 'HEAD')
      for (const [index, each] of people.entries()) await addLine(each, `line ${index}`, object)
      await Promise.all(people.map(each => pushNotes(each.directory, { url }, REF)))
      const [first] = people
      assert.ok(first)
      first.git('remote', 'add', 'origin', url)
      const opened = openRepository(first.directory)
      const remote = await remoteOf('origin', first.directory, opened).finally(() => opened.close())
      await fetchNotes(first.directory, remote, REF)
      assert.deepEqual(noteIn(first), ['line 0', 'line 1', 'line 2'])
    } finally {
      process.kill(-(daemon.pid ?? 0))
    }
  })

  it('are not fetched by a protocol that runs programs', async () => {
    const repository = repositoryWithCommit({ 'remote.evil.url': 'ext::sh -c touch% /tmp/evil' })
    const opened = openRepository(repository.directory)
    try {
      for (const name of ['ext::sh -c x', 'evil', '-u', '--upload-pack=x']) {
        await assert.rejects(remoteOf(name, repository.directory, opened), /neither a directory, nor the URL/)
      }
      await assert.rejects(
        remoteOf('absent', repository.directory, opened),
        /no remote named absent; next: git remote add absent URL/,
      )
    } finally {
      opened.close()
    }
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

const answering = (url: string) =>
  eventually(`${url} answers`, () => spawnSync('git', ['ls-remote', url]).status === 0)
