import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readKeepers } from '../../../src/lists/keep/keepers.ts'
import { planOf } from '../../../src/lists/keep/plan.ts'
import { reportOf } from '../../../src/lists/keep/report.ts'
import { readRepository } from '../../../src/lists/keep/repository.ts'
import { rememberVersions } from '../../../src/lists/keep/seen.ts'
import { signPending } from '../../../src/lists/keep/sign.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { type Kept, keeper, signerOf, withKept } from '../../support/lists/keeping.ts'

const THREE = ['alice', 'bob', 'carol']

/** A list that was published, with a change that alice has signed. */
function withChange(use: (kept: Kept) => Promise<void>): Promise<void> {
  return withKept(THREE, 2, async kept => {
    for (const name of ['alice', 'bob']) await kept.sign(name)
    kept.publish()
    kept.add('one', 1)
    await kept.sign('alice')
    await use(kept)
  })
}

const plan = (kept: Kept) => planOf(kept.dir, { now: kept.now, renew: new Set() })
const targetsOf = (kept: Kept) =>
  reportOf(kept.dir, plan(kept)).roles.find(({ role }) => role === 'targets')?.pending ??
  assert.fail('nothing is pending')
const edit = (file: string, change: (text: string) => string) =>
  writeFileSync(file, change(readFileSync(file, 'utf8')))

test('attack: one keeper alone publishes nothing', () =>
  withChange(async kept => {
    assert.throws(() => kept.publish(), /not signed by enough keepers: targets \(1 of 2\)/)
    assert.equal(readRepository(kept.out)?.targets.signed.version, 1)
  }))

test('attack: a keeper who writes into the published metadata is refused', () =>
  withChange(async kept => {
    edit(join(kept.dir, 'metadata/1.targets.json'), text => text.replace(/"length":\d+/, '"length":1'))
    assert.throws(() => plan(kept), /1\.targets\.json is signed by 0 of its keys, and 2 are needed/)
    await assert.rejects(kept.sign('bob'), /signed by 0 of its keys/)
  }))

test('attack: a new root by one old keeper and strangers is not in force', () =>
  withChange(async kept => {
    for (const role of ['root', 'targets', 'snapshot', 'timestamp'])
      kept.rotate(role, ['mallory', 'eve'], ['bob', 'carol'])
    for (const name of ['alice', 'mallory', 'eve']) await kept.sign(name)
    assert.throws(() => kept.publish(), /root \(1 of 2 by the old root's keepers\)/)
  }))

test('attack: pending metadata that says something else is never signed', () =>
  withChange(async kept => {
    const file = join(kept.dir, 'pending/targets/metadata.json')
    edit(file, text => text.replace(/"sha256":"[0-9a-f]{64}"/, `"sha256":"${'0'.repeat(64)}"`))
    await kept.sign('bob')
    assert.doesNotMatch(readFileSync(file, 'utf8'), /0{64}/)
    const [need] = targetsOf(kept).needs
    assert.deepEqual(
      need?.signed.map(({ name }) => name),
      ['bob'],
      "alice's was over the other",
    )
  }))

test('attack: pending metadata that ends in a hundred years is made anew', () =>
  withChange(async kept => {
    const file = join(kept.dir, 'pending/targets/metadata.json')
    edit(file, text => text.replace(/"expires":"20/, '"expires":"21'))
    await kept.sign('bob')
    assert.match(readFileSync(file, 'utf8'), /"expires":"2027-12-01T00:00:00Z"/)
  }))

test('attack: a list that changes while a keeper looks at it is not signed', () =>
  withChange(async kept => {
    const shown = plan(kept)
    kept.add('mallory', 666)
    const options = { now: kept.now, renew: new Set<string>() }
    await assert.rejects(
      signPending(kept.dir, signerOf('bob'), shown, options),
      /targets has changed since it was shown/,
    )
  }))

test('attack: a signature by mail over other metadata does not count, and is named', () =>
  withChange(async kept => {
    const signature = await signerOf('bob').sign(Buffer.from('{"_type":"targets"}'))
    writeFileSync(join(kept.dir, `pending/targets/${keeper('bob').id}.sig`), `${toHex(signature)}\n`)
    const { needs, bad, isComplete } = targetsOf(kept)
    assert.deepEqual({ signed: needs[0]?.signed.length, isComplete }, { signed: 1, isComplete: false })
    assert.deepEqual(
      bad.map(({ name }) => name),
      ['bob'],
    )
    assert.throws(() => kept.publish(), /targets \(1 of 2\)/)
  }))

test("attack: one key's signature under two key ids counts once, and the other is a stranger's", () =>
  withChange(async kept => {
    const other = '0'.repeat(64)
    cpSync(
      join(kept.dir, `pending/targets/${keeper('alice').id}.sig`),
      join(kept.dir, `pending/targets/${other}.sig`),
    )
    const { needs, strangers, isComplete } = targetsOf(kept)
    assert.deepEqual(
      { signed: needs[0]?.signed.length, strangers, isComplete },
      { signed: 1, strangers: [other], isComplete: false },
    )
  }))

test("attack: one key under two keepers' names is refused", () =>
  withChange(async kept => {
    const { text } = keeper('alice')
    edit(join(kept.dir, 'keepers.json'), json =>
      json.replace(keeper('bob').text, text.replace('alice:', 'bob:')),
    )
    assert.throws(() => readKeepers(kept.dir), /has the same key as alice: a key is one person's/)
  }))

test('attack: an old state of the directory is noticed', () =>
  withChange(async kept => {
    const memory = join(kept.dir, '../memory')
    cpSync(kept.dir, join(kept.dir, '../old'), { recursive: true })
    await kept.sign('bob')
    kept.publish()
    rememberVersions(memory, readRepository(kept.dir))
    rememberVersions(memory, readRepository(kept.dir))
    assert.throws(
      () => rememberVersions(memory, readRepository(join(kept.dir, '../old'))),
      /old state of the list: it has version 1 of targets, and this machine has seen version 2/,
    )
  }))

test('attack: nothing that users have goes back in version', () =>
  withChange(async kept => {
    const old = join(kept.dir, '../old')
    cpSync(kept.dir, old, { recursive: true })
    await kept.sign('bob')
    kept.publish()
    rmSync(kept.dir, { recursive: true })
    cpSync(old, kept.dir, { recursive: true })
    assert.throws(() => kept.publish(), /targets \(1 of 2\)/)
    kept.add('two', 2)
    for (const name of ['alice', 'bob']) await kept.sign(name)
    assert.throws(() => kept.publish(), /has another 2\.targets\.json, which keepers have signed/)
    rmSync(join(kept.dir, 'pending'), { recursive: true })
    cpSync(join(old, 'list.json'), join(kept.dir, 'list.json'))
    kept.now += 60
    for (const name of ['alice', 'bob']) await kept.sign(name)
    assert.throws(() => kept.publish(), /has another (?:timestamp|2\.snapshot|2\.targets)\.json/)
    const newer = join(kept.out, 'metadata/timestamp.json')
    edit(newer, text => text.replace('"version":2,', '"version":9,'))
    assert.throws(
      () => kept.publish(),
      /has version 9 of timestamp, and this is version 2: nothing goes back/,
    )
  }))

test('attack: another list does not take the place of one that is published', () =>
  withChange(async kept => {
    await withKept(THREE, 1, async other => {
      await other.sign('alice')
      rmSync(other.out, { recursive: true })
      cpSync(kept.out, other.out, { recursive: true })
      assert.throws(() => other.publish(), /has another metadata\/1\.root\.json: it is another list/)
    })
  }))

const HOSTILE: readonly (readonly [string, (file: string) => void, RegExp])[] = [
  ['a symbolic link', file => symlinkSync('/etc/passwd', file), /too many symbolic links|ELOOP/],
  ['a pipe', file => void execFileSync('mkfifo', [file]), /is not a regular file/],
  ['a directory', file => mkdirSync(file), /is not a regular file/],
  [
    'a huge file',
    file => {
      writeFileSync(file, '')
      truncateSync(file, 2 ** 31)
    },
    /is larger than/,
  ],
]

for (const [what, make, why] of HOSTILE) {
  for (const name of [
    'list.json',
    'keepers.json',
    'metadata/1.root.json',
    'metadata/timestamp.json',
    'pending/targets/metadata.json',
  ]) {
    test(`attack: ${what} in place of ${name} is refused`, () =>
      withChange(async kept => {
        rmSync(join(kept.dir, name))
        make(join(kept.dir, name))
        await assert.rejects(kept.sign('bob'), why)
      }))
  }
}

test('attack: a symbolic link in place of a directory is refused', () =>
  withChange(async kept => {
    rmSync(join(kept.dir, 'pending'), { recursive: true })
    symlinkSync('/tmp', join(kept.dir, 'pending'))
    await assert.rejects(kept.sign('bob'), /pending is not a directory/)
  }))

test('attack: a signature file that holds something else is refused', () =>
  withChange(async kept => {
    writeFileSync(join(kept.dir, `pending/targets/${keeper('bob').id}.sig`), 'x\n')
    assert.throws(() => plan(kept), /does not hold a signature of 128 hexadecimal digits/)
    rmSync(join(kept.dir, `pending/targets/${keeper('bob').id}.sig`))
    writeFileSync(join(kept.dir, 'pending/targets/x\u001b.sig'), 'x\n')
    assert.throws(() => plan(kept), /is not named by a key id/)
  }))

test('attack: a certificate that holds another key than the one named is refused', () =>
  withChange(async kept => {
    const key = { openpgp: 'A'.repeat(40), certificate: 'certificates/a.pgp' }
    edit(join(kept.dir, 'list.json'), text =>
      text.replace(/"keys": \[[^\]]*\]/, `"keys": [${JSON.stringify(key)}]`),
    )
    await assert.rejects(kept.sign('bob'), /certificates\/a\.pgp is absent from/)
    mkdirSync(join(kept.dir, 'certificates'))
    writeFileSync(join(kept.dir, 'certificates/a.pgp'), 'no certificate')
    await assert.rejects(kept.sign('bob'), /principals\.one\.keys\[0\]/)
  }))
