// Real releases with their developers' real signatures: Debian source packages contain the upstream
// tarball, the upstream signature and the certificate that verifies it. They are downloaded into a
// cache with the machine's own apt, from its configured archive; nothing else on the machine
// changes.

import { spawnSync } from 'node:child_process'
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
import { join } from 'node:path'
import { testCache } from './debian-roots.mjs'

const CERTIFICATES = ['upstream/signing-key', 'upstream-signing-key'].flatMap(name =>
  ['asc', 'pgp', 'gpg'].map(extension => `debian/${name}.${extension}`),
)

/**
 * Packages with releases that are signed by RSA, EdDSA and DSA; with keys in force, past their end
 * and missing; armoured and binary; of 2006 and of 2023.
 */
export const RELEASES =
  `acl aesfix ap51-flash apr apr-util cmocka dosfstools file fping gdbm gtkatlantic hashcash hspell
  inetutils isync less libassuan libbsd libdrm libdvdread libgpg-error libidn2 libkf5kdcraw libmd libnice libntlm
  libopenaptx libpipeline liburcu libutempter munin-c newmail paperkey pciutils pcsc-lite pptp-linux psad pv rsakeyfind
  rush screen stunnel4 swapspace wayland-protocols xterm`.split(/\s+/)

/**
 * Where a Debian archive lies on its server: .../debian, .../debian-security. Other vendors'
 * entries stay out.
 */
const ARCHIVE = /\/debian(-security)?\/?$/

/**
 * The upstream release in a Debian source package, in the version of the machine's own Debian.
 * Paths are absolute. Throws an error of one line that says what is missing: the archive, the
 * package, or upstream's signature or certificate.
 */
export function debianSource(name) {
  fetchDebianSources([name])
  const directory = directoryOf(name)
  const files = readdirSync(directory)
  const tarball = files.find(file => /\.orig\.tar\.(gz|bz2|xz|zst)$/.test(file))
  const signature = files.find(file => file === `${tarball}.asc`)
  const certificate = CERTIFICATES.find(file => existsSync(join(directory, file)))
  if (tarball === undefined) throw new Error(`Debian's ${name} has no upstream tarball`)
  if (signature === undefined) throw new Error(`Debian's ${name} has no upstream signature`)
  if (certificate === undefined) throw new Error(`Debian's ${name} has no upstream certificate`)
  return {
    version: tarball.slice(tarball.lastIndexOf('_') + 1, tarball.indexOf('.orig.tar')),
    tarball: join(directory, tarball),
    signature: join(directory, signature),
    certificate: join(directory, certificate),
  }
}

/**
 * Downloads all missing source packages into the cache with one call of apt. Throws an error of one
 * line if one of them is unavailable; the others are in the cache then.
 */
export function fetchDebianSources(names) {
  const odd = names.find(name => !/^[a-z0-9][a-z0-9.+-]+$/.test(name))
  if (odd !== undefined) throw new Error(`no name of a Debian package: ${odd}`)
  const missing = names.filter(name => !existsSync(directoryOf(name)))
  if (missing.length === 0) return
  const cache = join(testCache(), 'debian-sources')
  mkdirSync(cache, { recursive: true })
  const partial = mkdtempSync(join(cache, '.partial-'))
  try {
    const options = aptOptions(join(cache, '.apt'))
    const source = () => run('apt-get', [...options, 'source', '--download-only', ...missing], partial)
    let problem = source()
    if (problem !== undefined) {
      const update = run('apt-get', [...options, 'update'], partial)
      problem = source()
      if (update !== undefined) problem &&= update
    }
    const failed = missing.filter(name => !moveIntoCache(partial, name))
    if (failed.length > 0) throw new Error(`cannot fetch Debian's ${failed.join(', ')}: ${problem}`)
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}

function directoryOf(name) {
  return join(testCache(), 'debian-sources', name)
}

/**
 * Moves a package's files into their directory, which appears only when it is complete. Returns
 * false if files are missing.
 */
function moveIntoCache(partial, name) {
  const files = readdirSync(partial).filter(file => file.startsWith(`${name}_`))
  const description = files.find(file => file.endsWith('.dsc'))
  if (description === undefined) return false
  const text = readFileSync(join(partial, description), 'utf8')
  const [, listed = ''] = /^Checksums-Sha256:\s*\n((?: .*\n)+)/m.exec(text) ?? []
  const wanted = listed.match(/\S+$/gm) ?? []
  if (wanted.length === 0 || !wanted.every(file => files.includes(file))) return false
  const directory = mkdtempSync(join(partial, '.package-'))
  for (const file of files) renameSync(join(partial, file), join(directory, file))
  unpackCertificates(directory)
  chmodSync(directory, 0o755)
  // Another run may have been faster.
  if (!existsSync(directoryOf(name))) renameSync(directory, directoryOf(name))
  return true
}

function unpackCertificates(directory) {
  const packaging = readdirSync(directory).find(file => /\.debian\.tar\.[a-z0-9]+$/.test(file))
  if (packaging === undefined) return
  const listed = spawnSync('tar', ['-tf', packaging], { cwd: directory, encoding: 'utf8' })
  const wanted = listed.stdout.split('\n').filter(file => CERTIFICATES.includes(file))
  if (wanted.length > 0) run('tar', ['-xf', packaging, ...wanted], directory)
}

/**
 * Options that give apt its own state, with the machine's Debian entries as sources of source
 * packages.
 */
function aptOptions(state) {
  const parts = join(state, 'sources.list.d')
  for (const dir of [parts, join(state, 'lists/partial'), join(state, 'cache/archives/partial')]) {
    mkdirSync(dir, { recursive: true })
  }
  const { lines, stanzas } = sourceEntries()
  writeFileSync(join(parts, 'debian.list'), lines.map(line => `${line}\n`).join(''))
  writeFileSync(join(parts, 'debian.sources'), stanzas.map(stanza => `${stanza}\n\n`).join(''))
  return [
    '-qq',
    ...[
      'Dir::Etc::SourceList=/dev/null',
      `Dir::Etc::SourceParts=${parts}`,
      `Dir::State::Lists=${join(state, 'lists')}`,
      `Dir::Cache=${join(state, 'cache')}`,
      'APT::Update::Error-Mode=any',
    ].flatMap(option => ['-o', option]),
  ]
}

/**
 * The machine's entries for the Debian archive, in apt's two formats (sources.list(5)), changed
 * from deb to deb-src.
 */
function sourceEntries() {
  const parts = '/etc/apt/sources.list.d'
  const files = (existsSync(parts) ? readdirSync(parts) : []).map(file => join(parts, file))
  const texts = extension =>
    [...files, '/etc/apt/sources.list']
      .filter(file => file.endsWith(extension) && existsSync(file))
      .map(file => readFileSync(file, 'utf8'))
  const lines = texts('.list')
    .flatMap(text => text.split('\n'))
    .filter(line => /^deb\s/.test(line) && line.split(/\s+/).some(word => ARCHIVE.test(word)))
    .map(line => line.replace(/^deb\s/, 'deb-src '))
  const stanzas = texts('.sources')
    .flatMap(text => text.replace(/^#.*\n/gm, '').split(/\n\s*\n/))
    .filter(
      stanza => /^Types:.*\bdeb\b/im.test(stanza) && ARCHIVE.test(/^URIs:\s*(\S+)/im.exec(stanza)?.[1] ?? ''),
    )
    .map(stanza => stanza.trim().replace(/^Types:.*$/im, 'Types: deb-src'))
  return { lines, stanzas }
}

/** Runs a program; returns its last line of error output if it fails. */
function run(program, args, cwd) {
  const done = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (done.error !== undefined) return done.error.message
  if (done.status === 0) return undefined
  return done.stderr.trim().split('\n').at(-1) || `${program} ended with status ${done.status}`
}
