import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { signEnvelope } from '../../../src/crypto/envelope.ts'
import { generateKey } from '../../../src/crypto/secret-key.ts'
import { appendAttestation } from '../../../src/evidence/attestation-files.ts'
import { publish } from '../../../src/evidence/publication/publish.ts'
import { RELEASE, releaseJson } from '../../../src/formats/in-toto/predicates/release.ts'
import { printStatement } from '../../../src/formats/in-toto/statement.ts'
import { printNarinfo } from '../../../src/formats/nix/narinfo.ts'
import { parseIndex, parsePart } from '../../../src/formats/publication.ts'

const DIGEST = `0c${'x'.repeat(30)}`
const PATH = `/nix/store/${DIGEST}-hello.tar.gz`
const OTHER = `/nix/store/zz${'y'.repeat(30)}-other.tar.gz`
const NOW = 1_790_000_000

const MINISIGN = `untrusted comment: signature from minisign secret key
RUTwDf7tyv4BAg8zbVPfqj1Wf4lcA5K6ySLcVCxOYjDrGaAHYf4zRcpRGN4JX2YF3rGNmSWZLhnxEQSOyEkNBYBQpZEPCzJCmgs=
trusted comment: timestamp:1700000000
RUTwDf7tyv4BAg8zbVPfqj1Wf4lcA5K6ySLcVCxOYjDrGaAHYf4zRcpRGN4JX2YF3rGNmSWZLhnxEQSOyEkNBQ==
`

const key = generateKey('alice-1')

function lineAbout(path: string, purl = 'pkg:generic/hello@1'): string {
  const subjects = [{ name: path, narHash: 'ab'.repeat(32) }]
  const payload = printStatement({ subjects, predicateType: RELEASE, predicate: releaseJson(purl) })
  return signEnvelope(payload, key)
}

function narinfo(byte: string, signer: string): string {
  return printNarinfo({
    path: PATH,
    url: 'nar/x.nar',
    compression: 'none',
    fileHash: undefined,
    fileSize: undefined,
    deriver: undefined,
    system: undefined,
    contentAddress: undefined,
    narHash: byte.repeat(32),
    narSize: 120,
    references: [],
    signatures: [`${signer}:${Buffer.alloc(64).toString('base64')}`],
  })
}

interface Scene {
  readonly from: string
  readonly to: string
  readonly file: string
  run(options?: { readonly prune?: boolean; readonly now?: number }): ReturnType<typeof publish>
}

function scene(context: TestContext): Scene {
  const dir = mkdtempSync(join(tmpdir(), 'nixsig-publish-'))
  context.after(() => rmSync(dir, { recursive: true }))
  const [from, to] = [join(dir, 'attestations'), join(dir, 'public/alice')]
  appendAttestation(from, PATH, lineAbout(PATH))
  return {
    from,
    to,
    file: join(from, '0c', `${DIGEST}.intoto.jsonl`),
    run: ({ prune = false, now = NOW } = {}) => publish({ from, to, prune, now }),
  }
}

function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name !== '.lock')
    .map(entry => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort()
}

/** Inode and change time of each file, which tell whether it was written. */
function stampsIn(directory: string): readonly string[] {
  return filesIn(directory).map(name => {
    const { ino, ctimeNs } = statSync(join(directory, name), { bigint: true })
    return `${name} ${ino} ${ctimeNs}`
  })
}

test('files and lists are written, and every list matches the files', async context => {
  const { from, to, run } = scene(context)
  appendAttestation(from, OTHER, lineAbout(OTHER))
  assert.deepEqual(await run(), { added: 2, changed: 0, removed: 0, unchanged: 0, published: NOW })
  assert.deepEqual(filesIn(to), [
    `0c/${DIGEST}.intoto.jsonl`,
    '0c/index',
    'index',
    'zz/index',
    `zz/zz${'y'.repeat(30)}.intoto.jsonl`,
  ])
  const { parts, published } = parseIndex(readFileSync(join(to, 'index')))
  assert.equal(published, NOW)
  for (const [part, { size }] of parts) {
    const bytes = readFileSync(join(to, part, 'index'))
    assert.equal(bytes.length, size)
    for (const [name, file] of parsePart(bytes, part)) {
      assert.equal(statSync(join(to, part, name)).size, file.size)
    }
  }
  for (const name of filesIn(to)) assert.equal(statSync(join(to, name)).mode & 0o777, 0o644)
})

test('publishing again writes nothing, and keeps the time of the last change', async context => {
  const { to, run } = scene(context)
  await run()
  const before = stampsIn(to)
  const again = await run({ now: NOW + 1000 })
  assert.deepEqual(again, { added: 0, changed: 0, removed: 0, unchanged: 1, published: NOW })
  assert.deepEqual(stampsIn(to), before)
})

test('the time of a publication grows with each change, whatever the clock says', async context => {
  const { from, run } = scene(context)
  await run()
  appendAttestation(from, PATH, lineAbout(PATH, 'pkg:generic/hello@2'))
  assert.equal((await run({ now: NOW - 5000 })).published, NOW + 1)
  appendAttestation(from, PATH, lineAbout(PATH, 'pkg:generic/hello@3'))
  assert.equal((await run({ now: NOW + 7 })).published, NOW + 7)
})

test('a file that grew is published at its new length, and begins as before', async context => {
  const { from, to, file, run } = scene(context)
  await run()
  const published = join(to, '0c', `${DIGEST}.intoto.jsonl`)
  const before = readFileSync(published, 'utf8')
  appendAttestation(from, PATH, lineAbout(PATH, 'pkg:generic/hello@2'))
  assert.equal((await run()).changed, 1)
  assert.equal(readFileSync(published, 'utf8'), readFileSync(file, 'utf8'))
  assert.ok(readFileSync(published, 'utf8').startsWith(before))
})

test('lines that the directory no longer has stay published until they are pruned', async context => {
  const { from, to, file, run } = scene(context)
  appendAttestation(from, OTHER, lineAbout(OTHER))
  await run()
  const [old, next] = [readFileSync(file, 'utf8'), `${lineAbout(PATH, 'pkg:generic/hello@2')}\n`]
  writeFileSync(file, next)
  rmSync(join(from, 'zz'), { recursive: true })
  const published = join(to, '0c', `${DIGEST}.intoto.jsonl`)

  assert.deepEqual(await run(), { added: 0, changed: 1, removed: 0, unchanged: 1, published: NOW + 1 })
  assert.equal(readFileSync(published, 'utf8'), old + next)

  const pruned = await run({ prune: true })
  assert.deepEqual(pruned, { added: 0, changed: 1, removed: 1, unchanged: 0, published: NOW + 2 })
  assert.equal(readFileSync(published, 'utf8'), next)
  assert.deepEqual(filesIn(to), [`0c/${DIGEST}.intoto.jsonl`, '0c/index', 'index'])
})

test('everything can be withdrawn', async context => {
  const { from, to, run } = scene(context)
  await run()
  rmSync(join(from, '0c'), { recursive: true })
  assert.equal((await run({ prune: true })).removed, 1)
  assert.deepEqual(filesIn(to), ['index'])
  assert.equal(parseIndex(readFileSync(join(to, 'index'))).parts.size, 0)
})

test('another signature is published beside the one that is there, and pruning replaces it', async context => {
  const { from, to, run } = scene(context)
  const name = `0c/${DIGEST}.minisig`
  const second = `0c/${DIGEST}.2.minisig`
  writeFileSync(join(from, name), MINISIGN)
  await run()
  const other = MINISIGN.replace('1700000000', '1700000001')
  writeFileSync(join(from, name), other)
  const counts = ({ added, changed, removed, unchanged }: Awaited<ReturnType<typeof run>>) => [
    added,
    changed,
    removed,
    unchanged,
  ]
  assert.deepEqual(counts(await run()), [1, 0, 0, 1])
  assert.deepEqual(counts(await run()), [0, 0, 0, 2], 'once more changes nothing')
  assert.equal(readFileSync(join(to, name), 'utf8'), MINISIGN)
  assert.equal(readFileSync(join(to, second), 'utf8'), other)
  const listed = parsePart(readFileSync(join(to, '0c/index')), '0c')
  assert.ok(listed.has(`${DIGEST}.2.minisig`) && listed.has(`${DIGEST}.minisig`))
  await run({ prune: true })
  assert.equal(readFileSync(join(to, name), 'utf8'), other)
  assert.equal(existsSync(join(to, second)), false)
})

test('more signatures of one kind than there is room for are refused', async context => {
  const { from, run } = scene(context)
  const name = `0c/${DIGEST}.minisig`
  const nth = (count: number) => MINISIGN.replace('1700000000', `170000000${count}`)
  for (const count of [0, 1, 2, 3, 4, 5, 6, 7]) {
    writeFileSync(join(from, name), nth(count))
    await run()
  }
  writeFileSync(join(from, name), nth(8))
  await assert.rejects(run(), /minisig is another one than is to be published: --prune would replace it/)
})

test('signatures of a narinfo are added to those that are there, and its other fields are not replaced', async context => {
  const { from, to, run } = scene(context)
  const name = `0c/${DIGEST}.narinfo`
  writeFileSync(join(from, name), narinfo('ab', 'one'))
  await run()
  writeFileSync(join(from, name), narinfo('ab', 'two'))
  await run()
  const text = readFileSync(join(to, name), 'utf8')
  assert.deepEqual(
    [...text.matchAll(/^Sig: (\w+):/gm)].map(([, key]) => key),
    ['one', 'two'],
  )
  writeFileSync(join(from, name), narinfo('cd', 'two'))
  await assert.rejects(run(), /narinfo is another one than is to be published/)
  assert.equal(readFileSync(join(to, name), 'utf8'), text)
})

test('what a killed publisher left is finished, and its half-written files go', async context => {
  const { to, run } = scene(context)
  await run()
  rmSync(join(to, 'index'))
  writeFileSync(join(to, '0c/index.77.0~'), 'half')
  writeFileSync(join(to, 'index.77.1~'), 'half')
  await run({ now: NOW + 5 })
  assert.deepEqual(filesIn(to), [`0c/${DIGEST}.intoto.jsonl`, '0c/index', 'index'])
})

test('a publication can be published in turn, and what is half written in a directory is left out', async context => {
  const { from, to, run } = scene(context)
  await run()
  writeFileSync(join(from, `0c/${DIGEST}.asc.0011~`), 'half')
  mkdirSync(join(from, '.git'))
  assert.equal((await run()).unchanged, 1)
  const next = join(to, '../bob')
  assert.equal((await publish({ from: to, to: next, prune: false, now: NOW })).added, 1)
})

test('many publishers of one name at once leave a whole publication', async context => {
  const { from, to, run } = scene(context)
  for (let count = 0; count < 5; count++)
    appendAttestation(from, PATH, lineAbout(PATH, `pkg:generic/x@${count}`))
  const all = await Promise.all(Array.from({ length: 4 }, () => run()))
  assert.equal(all.filter(({ added }) => added === 1).length, 1)
  assert.equal(readFileSync(join(to, '0c', `${DIGEST}.intoto.jsonl`), 'utf8').split('\n').length, 7)
})

/** Inputs that must not be published: how each gets there, and the expected error. */
const WRONGS: Readonly<Record<string, readonly [(scene: Scene) => void, RegExp]>> = {
  'a line that breaks off': [
    ({ file }) => appendFileSync(file, '{"payload":'),
    /intoto\.jsonl is broken: attestations: empty, or the last line breaks off \(line 2\): nothing was/,
  ],
  'a line that is no envelope': [
    ({ file }) => appendFileSync(file, '{}\n'),
    /is broken: attestations: .*\(line 2\)/,
  ],
  'an empty line': [({ file }) => appendFileSync(file, '\n'), /is broken: attestations: .*\(line 2\)/],
  'an empty file': [({ file }) => writeFileSync(file, ''), /is broken: attestations: empty/],
  'a line about another path': [
    ({ file }) => appendFileSync(file, `${lineAbout(OTHER)}\n`),
    /is broken: attestations: says nothing about a path with the digest 0cx+ \(line 2\)/,
  ],
  'a signature of no kind': [
    ({ from }) => writeFileSync(join(from, `0c/${DIGEST}.asc`), 'hello'),
    /\.asc is broken: detached signature: /,
  ],
  'a narinfo of another path': [
    ({ from }) =>
      writeFileSync(
        join(from, `0c/${DIGEST}.narinfo`),
        narinfo('ab', 'x').replaceAll(DIGEST, OTHER.slice(11, 43)),
      ),
    /narinfo is broken: narinfo: says nothing about a path with the digest/,
  ],
  'a page to read': [
    ({ from }) => writeFileSync(join(from, 'README.md'), ''),
    /README\.md is not a file of attest/,
  ],
  'a file of another kind': [
    ({ from }) => writeFileSync(join(from, `0c/${DIGEST}.sh`), ''),
    /\.sh is not a file of attestations/,
  ],
  'a file in another part': [
    ({ from }) => writeFileSync(join(from, `0c/1d${'x'.repeat(30)}.asc`), ''),
    /\.asc is not a file of attestations/,
  ],
  'a secret key': [
    ({ from }) => writeFileSync(join(from, 'alice-1.secret'), ''),
    /secret is not a file of attest/,
  ],
  'a link to a file': [
    ({ from }) => symlinkSync('/etc/passwd', join(from, `0c/${DIGEST}.asc`)),
    /\.asc is not a file of attestations/,
  ],
  'a link to a directory': [
    ({ from }) => symlinkSync('/etc', join(from, '1d')),
    /1d is not a file of attestations/,
  ],
  'a directory in a part': [
    ({ from }) => mkdirSync(join(from, `0c/${DIGEST}.asc`)),
    /\.asc is not a file of attestations/,
  ],
}

for (const [name, [act, problem]] of Object.entries(WRONGS)) {
  test(`attack: ${name} is not published, nor anything with it`, async context => {
    const all = scene(context)
    act(all)
    await assert.rejects(all.run(), { name: 'FileError', message: problem })
    assert.equal(existsSync(all.to), false)
  })
}

test('attack: nothing is written through links in the publication, nor among what is not one', async context => {
  const { to, run } = scene(context)
  mkdirSync(join(to, '..'), { recursive: true })
  const elsewhere = join(to, '../../elsewhere')
  mkdirSync(elsewhere)
  symlinkSync(elsewhere, to)
  await assert.rejects(run(), /alice is not a directory/)
  rmSync(to)
  mkdirSync(to)
  symlinkSync(elsewhere, join(to, '0c'))
  await assert.rejects(run(), /0c is not a file of attestations/)
  rmSync(join(to, '0c'))
  writeFileSync(join(to, 'index.html'), 'hello')
  await assert.rejects(run(), /index\.html is not a file of attestations/)
  assert.deepEqual(readdirSync(elsewhere), [])
})

test('an index that is not valid is not overwritten: it may be somebody else’s', async context => {
  const { to, run } = scene(context)
  mkdirSync(to, { recursive: true })
  writeFileSync(join(to, 'index'), 'hello\n')
  await assert.rejects(run(), /index is not one that nixsig wrote .*: remove it/)
})

test('an absent directory cannot be published', async context => {
  const { to } = scene(context)
  const from = join(to, 'nowhere')
  await assert.rejects(publish({ from, to, prune: false, now: NOW }), /cannot look into .*nowhere/)
})
