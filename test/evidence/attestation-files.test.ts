import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { buildSync } from 'esbuild'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import {
  appendAttestation,
  assertAttestationDirectory,
  readAttestationLines,
} from '../../src/evidence/attestation-files.ts'
import { FileError } from '../../src/files/regular-file.ts'
import { FormatError } from '../../src/primitives/format-error.ts'

const PATH = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-2.12'

let dir: string
let file: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixsig-attestations-'))
  file = attestationFile(dir, PATH)
})
afterEach(() => rmSync(dir, { recursive: true }))

/** Makes the file of PATH with these contents. */
function holding(contents: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, contents)
}

test('one file per store path, found by its hash part', () => {
  assert.equal(attestationFile('/etc/a', PATH), '/etc/a/01/0123456789abcdfghijklmnpqrsvwxyz.intoto.jsonl')
})

test('attack: a path that would lead out of the directory', () => {
  for (const path of ['/nix/store/../../etc/passwd', '/etc/passwd', `${PATH}/x`, '', '..']) {
    assert.throws(() => attestationFile('/etc/a', path), FormatError)
  }
})

test('added lines are read in order, and there are none before', () => {
  assert.equal(readAttestationLines(file), undefined)
  assert.equal(appendAttestation(dir, PATH, '{"a":1}'), true)
  assert.equal(appendAttestation(dir, PATH, '{"b":"é"}'), true)
  assert.deepEqual(readAttestationLines(file), ['{"a":1}', '{"b":"é"}'])
  assert.equal(statSync(file).mode & 0o022, 0)
})

test('the same line is not written twice', () => {
  appendAttestation(dir, PATH, 'a')
  appendAttestation(dir, PATH, 'b')
  assert.equal(appendAttestation(dir, PATH, 'a'), false)
  assert.equal(readFileSync(file, 'utf8'), 'a\nb\n')
})

test('attack: a line with a line break, or an empty line', () => {
  for (const line of ['a\nb', 'a\n', '\n', 'a\r', '']) {
    assert.throws(() => appendAttestation(dir, PATH, line), /not the line of an envelope/)
  }
  assert.equal(readAttestationLines(file), undefined)
})

test('a line that breaks off is refused, by readers and by the next writer', () => {
  appendAttestation(dir, PATH, 'first')
  appendAttestation(dir, PATH, 'second')
  truncateSync(file, 9)
  assert.throws(() => readAttestationLines(file), /the last line breaks off \(line 2\)/)
  assert.throws(() => appendAttestation(dir, PATH, 'third'), /the last line breaks off/)
  assert.equal(readFileSync(file, 'utf8'), 'first\nsec')
})

test('attack: lines that broke off long ago, or seem to in the future, hold up nobody who reads many of them', () => {
  holding('first\nsec')
  for (const seconds of [-60, 3600]) {
    const at = new Date(Date.now() + seconds * 1000)
    utimesSync(file, at, at)
    const started = performance.now()
    for (let count = 0; count < 10; count++) assert.throws(() => readAttestationLines(file), /breaks off/)
    const took = performance.now() - started
    assert.ok(took < 5000, `${took} ms`)
  }
})

const MALFORMED: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
  ['an empty line', 'a\n\nb\n', /empty line \(line 2\)/],
  ['nothing but a newline', '\n', /empty line \(line 1\)/],
  ['bytes that are not UTF-8', Uint8Array.of(0xff, 10), /not UTF-8/],
  ['too many lines', 'a\n'.repeat(4097), /more than 4096 lines/],
  [
    'a line that is too long',
    `${'a'.repeat(1024 * 1024 + 1)}\n`,
    /longer than 1048576 characters \(line 1\)/,
  ],
]

for (const [name, contents, reason] of MALFORMED) {
  test(`a file with ${name} is refused`, () => {
    holding(contents)
    assert.throws(() => readAttestationLines(file), reason)
    assert.throws(() => readAttestationLines(file), FormatError)
  })
}

test('a file that is too large is refused before it is read', () => {
  holding('a\n')
  truncateSync(file, 16 * 1024 * 1024 + 1)
  assert.throws(() => readAttestationLines(file), /larger than 16777216 bytes/)
})

test('a file of no bytes holds no lines, which is not the same as no file', () => {
  holding('')
  assert.deepEqual(readAttestationLines(file), [])
})

test('a full file takes no further line', () => {
  holding('a\n'.repeat(4096))
  assert.throws(() => appendAttestation(dir, PATH, 'b'), /more than 4096 lines/)
  holding(`${`${'a'.repeat(1_000_000)}\n`.repeat(16)}`)
  assert.throws(() => appendAttestation(dir, PATH, 'b'.repeat(1_000_000)), /larger than 16777216 bytes/)
})

test('attack: a link, a directory or a pipe in place of the file', () => {
  writeFileSync(join(dir, 'other'), 'a\n')
  mkdirSync(dirname(file))
  symlinkSync(join(dir, 'other'), file)
  assert.throws(() => readAttestationLines(file), FileError)
  assert.throws(() => appendAttestation(dir, PATH, 'b'), FileError)
  assert.equal(readFileSync(join(dir, 'other'), 'utf8'), 'a\n')
  rmSync(file)
  mkdirSync(file)
  assert.throws(() => readAttestationLines(file), /is not a regular file/)
  rmSync(file, { recursive: true })
  execFileSync('mkfifo', [file])
  assert.throws(() => readAttestationLines(file), /is not a regular file/)
})

test('attack: a file that everybody may write to', () => {
  appendAttestation(dir, PATH, 'a')
  chmodSync(file, 0o666)
  assert.throws(() => readAttestationLines(file), /is writable by everybody \(chmod o-w/)
})

test('attack: the directory of the file is world-writable, so that anyone could remove the file', () => {
  appendAttestation(dir, PATH, 'a')
  chmodSync(dirname(file), 0o777)
  assert.throws(() => readAttestationLines(file), /01 is writable by everybody/)
  rmSync(file)
  assert.throws(() => readAttestationLines(file), /01 is writable by everybody/)
})

test('attack: a directory that is a circle of links, or not a directory', () => {
  symlinkSync(join(dir, '01'), join(dir, '01'))
  assert.throws(() => readAttestationLines(file), /cannot look into .*ELOOP/)
  rmSync(join(dir, '01'))
  writeFileSync(join(dir, '01'), '')
  assert.throws(() => readAttestationLines(file), /01 is not a directory/)
  assert.throws(() => appendAttestation(dir, PATH, 'a'), FileError)
})

test('a directory that is there and guarded passes', () => {
  assertAttestationDirectory(dir)
  chmodSync(dir, 0o775)
  assertAttestationDirectory(dir)
})

test('a directory that is missing, not a directory, or world-writable is refused', () => {
  assert.throws(() => assertAttestationDirectory(join(dir, 'gone')), /gone does not exist/)
  writeFileSync(join(dir, 'file'), '')
  assert.throws(() => assertAttestationDirectory(join(dir, 'file')), /file is not a directory/)
  for (const mode of [0o777, 0o1777, 0o702]) {
    chmodSync(dir, mode)
    const remedy = mode === 0o1777 ? /everybody \(name a directory of your own/ : /everybody \(chmod o-w/
    assert.throws(() => assertAttestationDirectory(dir), remedy)
  }
})

/** Adds this many lines in a process of its own. */
function writer(bundle: string, name: string, count: number): Promise<number | null> {
  const child = spawn(process.execPath, [bundle, dir, PATH, name, String(count)], { stdio: 'inherit' })
  return new Promise(resolve => child.on('close', resolve))
}

test('two processes that add 200 lines each lose none and tear none', async () => {
  const bundle = join(dir, 'writer.mjs')
  buildSync({
    stdin: {
      contents: `
        import { appendAttestation } from './src/evidence/attestation-files.ts'
        const [dir, path, name, count] = process.argv.slice(2)
        for (let i = 0; i < count; i++) appendAttestation(dir, path, name + ' ' + i + ' ' + name.repeat(7000))
      `,
      resolveDir: PROJECT_ROOT,
    },
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  })
  assert.deepEqual(await Promise.all([writer(bundle, 'a', 200), writer(bundle, 'b', 200)]), [0, 0])
  const expected = ['a', 'b'].flatMap(name =>
    Array.from({ length: 200 }, (_, i) => `${name} ${i} ${name.repeat(7000)}`),
  )
  const lines = readAttestationLines(file) ?? []
  assert.deepEqual([...lines].sort(), expected.sort())
  const order = (name: string) => lines.filter(line => line.startsWith(name)).map(line => line.split(' ')[1])
  assert.deepEqual(
    order('a'),
    Array.from({ length: 200 }, (_, i) => String(i)),
  )
})

test('a line that another process is still writing is waited for', async () => {
  holding('first\nsec')
  const child = spawn('sh', ['-c', 'sleep 0.02; printf "ond\\n" >> "$0"', file])
  const done = new Promise(resolve => child.on('close', resolve))
  assert.deepEqual(readAttestationLines(file), ['first', 'second'])
  await done
  appendFileSync(file, 'third\n')
  assert.equal(readAttestationLines(file)?.length, 3)
})
