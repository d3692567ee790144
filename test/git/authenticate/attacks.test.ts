// Repositories that lie about a history, and a memory that others wrote.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { deflateSync } from 'node:zlib'
import type { Answer } from '../../../src/git/authenticate/authenticate.ts'
import { memoryDirectory } from '../../../src/git/authenticate/memory.ts'
import {
  ALL_RIGHTS,
  certificateOf,
  DAY,
  guixFile,
  KEYS,
  type Made,
  policyFile,
  revocation,
  writeCase,
} from '../../support/history-cases.ts'
import { judged, type WrittenCase, wordsOf } from '../../support/history-verdicts.ts'
import { SIGNED_AT, signedHistory } from '../../support/signed-history.ts'

const dir = mkdtempSync('/tmp/nixsig-history-attacks-')
after(() => rmSync(dir, { recursive: true, force: true }))

const { alice, bob } = KEYS
const FILE = { '.guix-authorizations': guixFile(alice, bob) }

let serial = 0
function repository(make: (written: ReturnType<typeof signedHistory>) => Made): WrittenCase {
  const history = signedHistory(join(dir, `repository-${serial++}`))
  const made = make(history)
  writeCase(history, made)
  return { history, made }
}

/** An introduction, a commit that nobody signed, and a signed tip. */
function withUnsigned(): WrittenCase & { readonly unsigned: string } {
  let unsigned = ''
  const made = repository(history => {
    const introduction = history.commit({ files: FILE, by: alice })
    unsigned = history.commit({ files: { ...FILE, evil: 'x' }, parents: [introduction] })
    return { introduction, tip: history.commit({ files: FILE, parents: [unsigned], by: alice }) }
  })
  return { ...made, unsigned }
}

/** A linear history of signed commits. */
function linear(count: number): WrittenCase {
  return repository(history => {
    const introduction = history.commit({ files: FILE, by: alice })
    let tip = introduction
    for (let i = 0; i < count; i++)
      tip = history.commit({ files: { ...FILE, i: `${i}` }, parents: [tip], by: bob })
    return { introduction, tip }
  })
}

function git({ history }: WrittenCase, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', history.directory, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim()
}

/** Takes the objects out of their packs, so that single ones can be replaced. */
function loosen({ history: { directory } }: WrittenCase): void {
  const packs = join(directory, 'objects/pack')
  const aside = join(directory, 'aside')
  renameSync(packs, aside)
  mkdirSync(packs)
  for (const name of readdirSync(aside).filter(each => each.endsWith('.pack'))) {
    execFileSync('git', ['-C', directory, 'unpack-objects', '-q'], { input: readFileSync(join(aside, name)) })
  }
}

function refused(answer: Answer, expected: RegExp): void {
  assert.match(wordsOf(answer), expected)
}

describe('attack: a history', () => {
  it('with a commit that a replacement hides', async () => {
    const made = withUnsigned()
    const signed = made.history.commit({ files: FILE, parents: [made.made.introduction], by: alice })
    made.history.write({ [`refs/replace/${made.unsigned}`]: signed })
    assert.match(git(made, 'cat-file', 'commit', made.unsigned), /gpgsig/)
    refused(await judged(made, 'guix'), /^unsigned A3/)
  })

  it('with a graft that leads to the introduction', async () => {
    const made = repository(history => {
      const introduction = history.commit({ files: FILE, by: alice })
      return { introduction, tip: history.commit({ files: FILE, by: alice, message: 'x\n' }) }
    })
    const { introduction, tip } = made.made
    mkdirSync(join(made.history.directory, 'info'), { recursive: true })
    writeFileSync(join(made.history.directory, 'info/grafts'), `${tip} ${introduction}\n`)
    assert.equal(git(made, 'rev-list', '--count', tip), '2')
    refused(await judged(made, 'guix'), /^not-a-descendant A2/)
    refused(await judged(made, 'sequoia-git'), /^not-a-descendant A2/)
  })

  it('that says of itself to end before an unsigned commit', async () => {
    const made = withUnsigned()
    writeFileSync(join(made.history.directory, 'shallow'), `${made.made.tip}\n`)
    assert.equal(git(made, 'rev-list', '--count', made.made.tip), '1')
    refused(await judged(made, 'guix'), /^unsigned A3/)
  })

  it('that ends before the introduction, in a shallow clone', async () => {
    const { history, made } = linear(3)
    const directory = join(dir, 'shallow')
    execFileSync('git', [
      'clone',
      '-q',
      '--bare',
      '--depth=2',
      '--no-single-branch',
      `file://${history.directory}`,
      directory,
    ])
    const answer = await judged({ history: { ...history, directory }, made }, 'guix')
    refused(answer, /^missing-object A1 .*next: fetch all of it \(git fetch --unshallow\)/)
  })

  it('whose objects are elsewhere', async () => {
    const { history, made } = linear(2)
    const directory = join(dir, 'elsewhere')
    execFileSync('git', ['clone', '-q', '--bare', '--shared', history.directory, directory])
    await assert.rejects(
      judged({ history: { ...history, directory }, made }, 'guix'),
      /there is no commit main/,
    )
    const introduced = { ...made, introduction: '1'.repeat(40) }
    const answer = await judged({ history, made: introduced }, 'guix')
    refused(answer, /^missing-object A1 .*next: compare the introduction's id/)
  })

  it('in which another object lies under the id of an unsigned commit', async () => {
    const made = withUnsigned()
    const { introduction } = made.made
    const signed = made.history.commit({ files: { ...FILE, evil: 'x' }, parents: [introduction], by: alice })
    made.history.write({ 'refs/heads/other': signed })
    loosen(made)
    const place = (id: string) => join(made.history.directory, 'objects', id.slice(0, 2), id.slice(2))
    chmodSync(place(made.unsigned), 0o644)
    writeFileSync(place(made.unsigned), readFileSync(place(signed)))
    refused(await judged(made, 'guix'), /^missing-object A1 .*next: clone it anew/)
  })

  it('in which a forged ancestor of the introduction makes a foreign history its own', async () => {
    let [before, evil] = ['', '']
    const made = repository(history => {
      evil = history.commit({ files: FILE })
      before = history.commit({ files: FILE, message: 'Before\n' })
      const parent = history.commit({ files: FILE, parents: [before] })
      const introduction = history.commit({ files: FILE, parents: [parent], by: alice })
      return { introduction, tip: history.commit({ files: FILE, parents: [introduction, evil], by: alice }) }
    })
    refused(await judged(made, 'guix'), /^unsigned A3/)
    loosen(made)
    const text = git(made, 'cat-file', 'commit', before).replace(/^author/m, `parent ${evil}\nauthor`)
    const file = join(made.history.directory, 'objects', before.slice(0, 2), before.slice(2))
    chmodSync(file, 0o644)
    writeFileSync(file, deflateSync(Buffer.from(`commit ${Buffer.byteLength(text)}\0${text}`)))
    assert.equal(git(made, 'merge-base', '--is-ancestor', evil, made.made.introduction), '')
    refused(await judged(made, 'guix'), /^missing-object A1 .*and it does not/)
  })

  it('with a tree that has the file twice', async () => {
    const made = repository(history => {
      const introduction = history.commit({ files: FILE, by: alice })
      const doubled = { '.guix-authorizations': guixFile(alice, KEYS.mallory) }
      const tip = history.commit({ files: FILE, doubled, parents: [introduction], by: alice })
      return { introduction, tip }
    })
    const answer = await judged(made, 'guix')
    assert.equal(git(made, 'ls-tree', made.made.tip).split('\n').length, 2)
    refused(answer, /^malformed A1 .*two entries of one name/)
  })

  it('in a repository whose configuration runs a program', async () => {
    const made = linear(1)
    const marker = join(dir, 'ran')
    const program = join(dir, 'program')
    writeFileSync(program, `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 })
    for (const name of ['core.fsmonitor', 'core.pager', 'uploadpack.packObjectsHook', 'gpg.program']) {
      git(made, 'config', name, program)
    }
    assert.equal((await judged(made, 'guix')).outcome, 'authentic')
    assert.equal(existsSync(marker), false)
  })

  it('whose branch of keys is missing', async () => {
    const made = linear(1)
    rmSync(join(made.history.directory, 'refs/heads/keyring'))
    await assert.rejects(
      judged(made, 'guix'),
      /there is no branch keyring in .*name the branch that has the keys/,
    )
  })
})

describe('what is remembered', () => {
  const verified = (answer: Answer): number => {
    assert.ok(answer.outcome === 'authentic', wordsOf(answer))
    return [...answer.signers.values()].reduce((sum, each) => sum + each, 0)
  }
  const memory = () => mkdtempSync(join(dir, 'memory-'))
  const fileIn = (directory: string) => join(directory, readdirSync(directory)[0] ?? '')

  /** A history, of which the first five commits are known, and more commits came. */
  async function grown(more: number): Promise<{ made: WrittenCase; directory: string }> {
    const made = linear(4)
    const directory = memory()
    assert.equal(verified(await judged(made, 'guix', { memory: directory })), 5)
    let { tip } = made.made
    for (let i = 0; i < more; i++)
      tip = made.history.commit({ files: { ...FILE, more: `${i}` }, parents: [tip], by: bob })
    made.history.write({ 'refs/heads/main': tip })
    return { made: { ...made, made: { ...made.made, tip } }, directory }
  }

  it('lies in the directory of nixsig for root, and in their cache for others', () => {
    const [who, cache] = [process.geteuid, process.env['XDG_CACHE_HOME']]
    try {
      process.geteuid = () => 0
      assert.equal(memoryDirectory('/var/lib/nixsig'), '/var/lib/nixsig/histories')
      process.geteuid = () => 1000
      process.env['XDG_CACHE_HOME'] = '/home/a/cache'
      assert.equal(memoryDirectory('/var/lib/nixsig'), '/home/a/cache/nixsig/histories')
      process.env['XDG_CACHE_HOME'] = 'relative'
      assert.equal(memoryDirectory('/var/lib/nixsig'), join(homedir(), '.cache/nixsig/histories'))
    } finally {
      if (who !== undefined) process.geteuid = who
      delete process.env['XDG_CACHE_HOME']
      if (cache !== undefined) process.env['XDG_CACHE_HOME'] = cache
    }
  })

  it('is not looked at again', async () => {
    const { made, directory } = await grown(3)
    assert.equal(verified(await judged(made, 'guix', { memory: directory })), 3)
    assert.equal(verified(await judged(made, 'guix', { memory: directory })), 0)
    assert.equal(verified(await judged(made, 'guix')), 8)
  })

  it('does not cover what a branch from an older commit brings in', async () => {
    const { made, directory } = await grown(0)
    const { introduction, tip } = made.made
    const side = made.history.commit({ files: FILE, parents: [introduction] })
    made.history.write({
      'refs/heads/main': made.history.commit({ files: FILE, parents: [tip, side], by: alice }),
    })
    refused(await judged(made, 'guix', { memory: directory }), /^unsigned A3/)
  })

  it('attack: is not believed if others can write the file', async () => {
    const { made, directory } = await grown(3)
    chmodSync(fileIn(directory), 0o666)
    const answer = await judged(made, 'guix', { memory: directory })
    assert.equal(verified(answer), 8)
    assert.match(answer.remarks.join(), /not believed: .* is writable by others/)
  })

  it('attack: is not believed if others can write the directory, and nothing is written there', async () => {
    const { made, directory } = await grown(3)
    const before = readFileSync(fileIn(directory), 'utf8')
    chmodSync(directory, 0o777)
    const answer = await judged(made, 'guix', { memory: directory })
    assert.equal(verified(answer), 8)
    assert.match(
      answer.remarks.join(),
      /not believed: .*writable by everybody.*not remembered: .*writable by everybody/,
    )
    assert.equal(readFileSync(fileIn(directory), 'utf8'), before)
  })

  it('attack: does not count for another introduction, signer or semantics', async () => {
    const { made, directory } = await grown(3)
    const text = readFileSync(fileIn(directory), 'utf8')
    const other = {
      ...made,
      made: { ...made.made, introduction: git(made, 'rev-parse', 'main~1'), signer: bob },
    }
    assert.equal(verified(await judged(other, 'guix', { memory: directory })), 2)
    const names = readdirSync(directory)
    assert.equal(names.length, 2)
    for (const name of names) writeFileSync(join(directory, name), text)
    const answer = await judged(other, 'guix', { memory: directory })
    assert.equal(verified(answer), 2)
    assert.match(answer.remarks.join(), /of another introduction/)
  })

  it('is looked at again after the rules became stricter, or if it cannot be read', async () => {
    const { made, directory } = await grown(3)
    const text = readFileSync(fileIn(directory), 'utf8')
    for (const changed of [
      text.replace('"rules":1', '"rules":0'),
      text.slice(0, 40),
      text.replace('"tips"', '"tops"'),
    ]) {
      writeFileSync(fileIn(directory), changed)
      assert.equal(verified(await judged(made, 'guix', { memory: directory })), 8)
    }
  })

  it('attack: does not outlive the revocation of a key that it rests on', async () => {
    const { made, directory } = await grown(1)
    const keyring = [certificateOf(alice), certificateOf(bob, [revocation(bob, 2, SIGNED_AT + DAY)])]
    writeCase(made.history, { ...made.made, keyring })
    refused(await judged(made, 'guix', { memory: directory }), /^revoked-key A3/)
  })

  it('stays if the keyring gains keys', async () => {
    const { made, directory } = await grown(1)
    writeCase(made.history, { ...made.made, keyring: [certificateOf(bob), certificateOf(alice)] })
    assert.equal(verified(await judged(made, 'guix', { memory: directory })), 1)
  })

  it('attack: does not outlive a revocation that a later commit brings (sequoia-git)', async () => {
    const policy = (...more: readonly Buffer[]) => ({
      'openpgp-policy.toml': policyFile({
        alice: { certificates: [certificateOf(alice)], rights: ALL_RIGHTS },
        bob: { certificates: [certificateOf(bob, more)] },
      }),
    })
    const made = repository(history => {
      const introduction = history.commit({ files: policy() })
      return { introduction, tip: history.commit({ files: policy(), parents: [introduction], by: bob }) }
    })
    const directory = memory()
    assert.equal(verified(await judged(made, 'sequoia-git', { memory: directory })), 1)
    const grow = (files: Record<string, string>, parent: string) => {
      const tip = made.history.commit({ files, parents: [parent], by: alice })
      made.history.write({ 'refs/heads/main': tip })
      return tip
    }
    const next = grow({ ...policy(), more: 'x' }, made.made.tip)
    assert.equal(verified(await judged(made, 'sequoia-git', { memory: directory })), 1)
    grow(policy(revocation(bob, 2, SIGNED_AT + DAY)), next)
    refused(await judged(made, 'sequoia-git', { memory: directory }), /^revoked-key A7/)
  })
})
