// `nixsig check-signature` with lists of checksums, and with signatures over what is in a compressed file.
// needs: dist
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { openGnupg } from '../support/gnupg.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
const gnupg = openGnupg()
after(() => {
  gnupg.remove()
  cli.remove()
})
const key = gnupg.makeKey('alice')
gnupg.exportTo(join(cli.dir, 'alice.pgp'), key)

const RELEASE = 'the release\n'
cli.write('x.tar', RELEASE)
cli.write('x.tar.gz', gzipSync(RELEASE))
const hashOf = (name: string) =>
  createHash('sha256')
    .update(readFileSync(join(cli.dir, name)))
    .digest('hex')
const SUMS = `${hashOf('x.tar')}  x.tar\n${hashOf('x.tar.gz')}  x.tar.gz\n`

/** Writes a file and a detached signature of it. */
function signed(name: string, contents: string): void {
  cli.write(name, contents)
  cli.write(`${name}.sig`, gnupg.sign(join(cli.dir, name), key))
}

function clearsigned(name: string, contents: string): void {
  cli.write(name, gnupg.gpg(['--local-user', key, '--output', '-', '--clearsign'], { input: contents }))
}

function check(file: string, signature: string, ...args: readonly string[]) {
  return cli.run('check-signature', file, signature, '--key', 'alice.pgp', ...args)
}

test('a list of checksums, and its signature apart', () => {
  signed('SHA256SUMS', SUMS)
  const { status, stdout } = check('x.tar', 'SHA256SUMS.sig', '--checksums', 'SHA256SUMS')
  assert.equal(status, 0, stdout)
  assert.match(stdout, /^good x\.tar\n {2}signed by .*, over a list of checksums\)$/m)
})

test('13: the signature of a list is none of the file', () => {
  signed('SHA256SUMS', SUMS)
  assert.equal(check('x.tar', 'SHA256SUMS.sig').status, 13)
  cli.write('x.tar.sig', gnupg.sign(join(cli.dir, 'x.tar'), key))
  assert.equal(check('x.tar', 'x.tar.sig', '--checksums', 'SHA256SUMS').status, 13)
})

test('a clear-signed list, for each file that it names', () => {
  clearsigned('SHA256SUMS.asc', SUMS)
  assert.equal(check('x.tar', 'SHA256SUMS.asc').status, 0)
  assert.equal(check('x.tar.gz', 'SHA256SUMS.asc').status, 0)
})

test('a clear-signed list of one, named by its algorithm', () => {
  clearsigned('x.tar.sha256.asc', `SHA256 (x.tar) = ${hashOf('x.tar')}\n`)
  assert.equal(check('x.tar', 'x.tar.sha256.asc').status, 0)
})

test('a refusal that says under which name the list has the file', () => {
  clearsigned('other.asc', SUMS.replace('x.tar\n', 'y.tar\n'))
  const { status, stdout } = check('x.tar', 'other.asc')
  assert.equal(status, 13)
  assert.match(stdout, /the signed list does not name x\.tar, but has its checksum for y\.tar/)
})

test('13: the list has another checksum of the file', () => {
  clearsigned('older.asc', SUMS.replace(/^.{8}/, '00000000'))
  const { status, stdout } = check('x.tar', 'older.asc')
  assert.equal(status, 13)
  assert.match(stdout, /the signed list has another sha256 for x\.tar/)
})

test('13: all that the list has are weak checksums', () => {
  const md5 = createHash('md5').update(RELEASE).digest('hex')
  clearsigned('MD5SUMS.asc', `${md5}  x.tar\n${hashOf('x.tar.gz')}  x.tar.gz\n`)
  const { status, stdout } = check('x.tar', 'MD5SUMS.asc')
  assert.equal(status, 13)
  assert.match(stdout, /proves too little, though by .*no checksum of x\.tar by SHA-2, SHA-3 or BLAKE2b/)
})

test('20: a checksum without a name, and a text that is no list', () => {
  for (const [contents, reason] of [
    [`${hashOf('x.tar')}\n`, /a checksum without the name of a file/],
    ['Dear all,\n', /not a checksum/],
  ] as const) {
    clearsigned('text.asc', contents)
    const { status, stdout } = check('x.tar', 'text.asc')
    assert.equal(status, 20)
    assert.match(stdout, reason)
  }
})

test('attack: a name in a list that would steer the terminal', () => {
  signed('SUMS', `${hashOf('x.tar')}  \u001b[2Jx\n`)
  const { stdout } = check('x.tar', 'SUMS.sig', '--checksums', 'SUMS')
  assert.ok(!stdout.includes('\u001b'))
  assert.match(stdout, /has its checksum for/)
})

test('a signature over what is in a compressed file', () => {
  cli.write('x.tar.sign', gnupg.sign(join(cli.dir, 'x.tar'), key))
  const { status, stdout } = check('x.tar.gz', 'x.tar.sign')
  assert.equal(status, 0, stdout)
  assert.match(stdout, /over the uncompressed contents/)
})

test('2: a list that is not there', () => {
  signed('SHA256SUMS', SUMS)
  assert.equal(check('x.tar', 'SHA256SUMS.sig', '--checksums', 'none').status, 2)
})
