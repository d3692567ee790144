// Whoever may write notes and tags cannot take an honest signer's word away with them.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fetchNotes } from '../../src/git/exchange-notes.ts'
import { grounds } from '../../src/policy/wording.ts'
import { type TestRepository, testRepository } from '../support/git.ts'
import {
  annotate,
  gitSigLine,
  gitSigText,
  judged,
  lineByErin,
  resultOf,
  revisionOf,
  teamOfFile,
} from '../support/signers-of-commits.ts'

const team = teamOfFile()

async function status(repository: TestRepository, require: string): Promise<number> {
  const found = await judged(team, repository, require)
  const { status: exit } = resultOf(found)
  return exit ?? assert.fail(grounds(found.verdict))
}

/** Sets the note of the commit that is checked out to these lines, whatever they are. */
function setNote({ directory, git }: TestRepository, lines: readonly string[], ref: string): void {
  const file = join(team.dir, 'note')
  writeFileSync(file, lines.map(line => `${line}\n`).join(''))
  const id = git('hash-object', '-w', file)
  execFileSync('git', ['-C', directory, 'notes', `--ref=${ref}`, 'add', '-f', '-C', id, 'HEAD'])
}

function packetOf(body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([Buffer.from([0xc2, 0xff]), length, body])
}

function lengthed(size: 2 | 4, bytes: Buffer): Buffer {
  const length = Buffer.alloc(size)
  length.writeUIntBE(bytes.length, 0, size)
  return Buffer.concat([length, bytes])
}

/** A signature packet of some version and algorithms that names a fingerprint, and is none of its key's. */
function naming(fingerprint: string, version: 4 | 6, algorithm: number, hash: number): Buffer {
  const size = version === 6 ? 4 : 2
  const made = Buffer.from([5, 2, 0x65, 0, 0, 0])
  const issuer = Buffer.concat([Buffer.from([22, 33, 4]), Buffer.from(fingerprint, 'hex')])
  const hashed = lengthed(size, Buffer.concat([made, issuer]))
  const salt = version === 6 ? Buffer.concat([Buffer.from([16]), Buffer.alloc(16, 7)]) : Buffer.alloc(0)
  const head = Buffer.from([version, 0, algorithm, hash])
  const numbers = Buffer.concat([
    Buffer.from([1, 0]),
    Buffer.alloc(32, 9),
    Buffer.from([1, 0]),
    Buffer.alloc(32, 9),
  ])
  return packetOf(
    Buffer.concat([head, hashed, lengthed(size, Buffer.alloc(0)), Buffer.from([0x12, 0x34]), salt, numbers]),
  )
}

/** The same signature with something more in what it does not cover. */
function variantOf(line: string, index: number): string {
  const at = line.lastIndexOf(':') + 1
  const packet = Buffer.from(line.slice(at), 'base64')
  const body = packet.subarray((packet[0] ?? 0) === 0x88 ? 2 : assert.fail('another header'))
  const hashedEnd = 6 + body.readUInt16BE(4)
  const unhashedEnd = hashedEnd + 2 + body.readUInt16BE(hashedEnd)
  const more = Buffer.alloc(6, 100)
  more.writeUInt8(5)
  more.writeUInt32BE(index, 2)
  const unhashed = lengthed(2, Buffer.concat([body.subarray(hashedEnd + 2, unhashedEnd), more]))
  const whole = Buffer.concat([body.subarray(0, hashedEnd), unhashed, body.subarray(unhashedEnd)])
  return line.slice(0, at) + packetOf(whole).toString('base64')
}

describe('attack: junk beside an honest signature', () => {
  it('property: whatever lines anybody adds, a commit that is trusted stays trusted', async () => {
    const repository = team.repository('junk')
    const text = gitSigText(repository)
    const honest = gitSigLine(team, 'alice', text)
    const byErin = lineByErin(team, await revisionOf(repository))
    const { alice, bob, mallory } = team.fingerprints
    const packet = fc
      .tuple(
        fc.constantFrom(alice, bob, mallory),
        fc.constantFrom(4 as const, 6 as const),
        fc.constantFrom(1, 17, 19, 22, 25, 27, 28, 99),
        fc.constantFrom(1, 2, 8, 10, 12, 14, 99),
      )
      .map(
        ([who, version, algorithm, hash]) =>
          `${text}:${naming(who, version, algorithm, hash).toString('base64')}`,
      )
    const changed = (line: string) =>
      fc.tuple(fc.nat(line.length - 1), fc.constantFrom('A', '0', '"', ':')).map(([at, to]) => {
        return line.slice(0, at) + to + line.slice(at + 1)
      })
    const junk = fc.oneof(fc.stringMatching(/^[ -~]{0,40}$/), packet, changed(honest), changed(byErin))
    await fc.assert(
      fc.asyncProperty(
        fc.array(junk, { maxLength: 8 }),
        fc.array(junk, { maxLength: 8 }),
        async (some, others) => {
          setNote(repository, [...some, honest, ...others], 'signatures')
          setNote(repository, [...others, byErin, ...some], 'nixsig')
          assert.equal(await status(repository, '["alice", "erin"]'), 0)
        },
      ),
      { numRuns: 15, seed: 1 },
    )
  })

  it('a signature of version 6 in the name of a key of version 4 is by nobody', async () => {
    const repository = team.repository('version-6')
    const line = `${gitSigText(repository)}:${naming(team.fingerprints.bob, 6, 27, 8).toString('base64')}`
    setNote(repository, [line], 'signatures')
    assert.equal(await status(repository, '"bob"'), 11)
  })

  it('hundreds of tags in the name of a listed key leave room for the note', async () => {
    const repository = team.repository('tags')
    const commit = repository.git('rev-parse', 'HEAD')
    annotate(repository, gitSigLine(team, 'alice', gitSigText(repository)))
    const other = join(team.dir, 'other')
    writeFileSync(other, 'other')
    const armour = (who: 'alice' | 'mallory') =>
      team.gnupg
        .gpg(['--armor', '--detach-sign', '--local-user', team.fingerprints[who], '--output', '-', other])
        .toString()
    for (const [index, armoured] of [armour('alice'), armour('mallory')].entries()) {
      const lines: string[] = []
      for (let each = 0; each < 350; each++) {
        const name = `t${index}-${each}`
        const tag = `object ${commit}\ntype commit\ntag ${name}\ntagger m <m@example.org> 1 +0000\n\nx\n${armoured}`
        lines.push(`tag refs/tags/${name}\n`, tag)
      }
      const ids = lines
        .filter((_, at) => at % 2 === 1)
        .map(tag =>
          execFileSync('git', ['-C', repository.directory, 'hash-object', '-w', '-t', 'tag', '--stdin'], {
            input: tag,
          })
            .toString()
            .trim(),
        )
      const packed = ids.map((id, each) => `${id} refs/tags/t${index}-${each}\n`).join('')
      appendFileSync(join(repository.directory, '.git/packed-refs'), packed)
    }
    assert.equal(await status(repository, '"alice"'), 0)
  })

  it('hundreds of variants of one good signature leave room for another', async () => {
    const repository = team.repository('variants')
    const line = gitSigLine(team, 'alice', gitSigText(repository))
    const variants = Array.from({ length: 700 }, (_, index) => variantOf(line, index))
    setNote(repository, [...variants, gitSigLine(team, 'bob', gitSigText(repository))], 'signatures')
    assert.equal(await status(repository, '"two"'), 0)
  })

  it('tens of thousands of lines leave room for one that is sorted after them', async () => {
    const repository = team.repository('lines')
    const lines = Array.from({ length: 60_000 }, (_, index) => `!${index}`)
    setNote(repository, [...lines, lineByErin(team, await revisionOf(repository))], 'nixsig')
    assert.equal(await status(repository, '"erin"'), 0)
  })
})

describe('attack: notes that are fetched', () => {
  const REF = 'refs/notes/nixsig'
  const lines = ({ git }: TestRepository) => git('notes', '--ref=nixsig', 'show').split('\n')

  it('are longer than a note may be: one’s own lines stay, and count', async () => {
    const repository = team.repository('drowned')
    const own = lineByErin(team, await revisionOf(repository))
    const likely = (index: number) => `{"payload":"${'0'.repeat(90)}${index}"}`
    for (const [count, junk] of [
      [5001, (index: number) => `!${index}`],
      [11_000, (index: number) => `!${'0'.repeat(100)}${index}`],
      [11_000, likely],
      [200_000, likely],
    ] as const) {
      setNote(repository, [own], 'nixsig')
      const mallory = testRepository(join(team.dir, `mallory-${count}-${junk(0).length}`))
      mallory.git('fetch', '-q', repository.directory, 'main')
      mallory.git('reset', '-q', '--hard', 'FETCH_HEAD')
      setNote(
        mallory,
        Array.from({ length: count }, (_, index) => junk(index)),
        'nixsig',
      )
      await fetchNotes(repository.directory, { directory: mallory.directory }, REF)
      assert.equal(await status(repository, '"erin"'), 0, junk(0))
    }
  })

  it('build on one’s own and leave lines out: these stay', async () => {
    const repository = team.repository('removed')
    const own = lineByErin(team, await revisionOf(repository))
    setNote(repository, [own], 'nixsig')
    const mallory = testRepository(join(team.dir, 'remover'))
    mallory.git('fetch', '-q', repository.directory, 'main', `${REF}:${REF}`)
    mallory.git('reset', '-q', '--hard', 'FETCH_HEAD')
    setNote(mallory, ['another'], 'nixsig')
    const remote = { directory: mallory.directory }
    assert.equal(await fetchNotes(repository.directory, remote, REF), 'changed')
    assert.deepEqual(lines(repository), ['another', own])
    assert.equal(await status(repository, '"erin"'), 0)
    assert.equal(await fetchNotes(repository.directory, remote, REF), 'unchanged')
    mallory.git('notes', '--ref=nixsig', 'remove', 'HEAD')
    await fetchNotes(repository.directory, remote, REF)
    assert.deepEqual(lines(repository), ['another', own])
  })
})
