// Makes what is installed: an archive and a Debian package for this machine's architecture.
//
//   npm run package -- [--out DIR] [--sign SIGNER] [--release-key FILE]
//
// DIR (release/) gets nixsig-VERSION-linux-ARCH.tar.gz, nixsig_VERSION_ARCH.deb and SHA256SUMS over
// both. --sign signs that list, as SHA256SUMS.sig: a key file of `nixsig keygen`, or ssh:… or gpg:…
// as for every command that signs. --release-key names the public keys, one a line, that the
// installed nixsig takes its next version from; by default it is the key that signs.
//
// The same source, keys, compiler and SOURCE_DATE_EPOCH (by default the time of the last commit)
// give the same bytes, wherever and whenever that is.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './compile.mjs'
import { makeDebianPackage } from './debian/package.mjs'
import { runCompiled } from './run-compiled.mjs'

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'release') },
    sign: { type: 'string' },
    'release-key': { type: 'string' },
    'passphrase-file': { type: 'string' },
  },
})
const out = resolve(values.out)
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const epoch = process.env.SOURCE_DATE_EPOCH ?? lastCommit()
// At one place in the checkout: the bundler's hashes are over paths from there to the sources.
const stage = join(root, '.build/package')

/** Runs a program to its end; its standard output. */
function run(program, args, { cwd = root, env = {} } = {}) {
  const ended = spawnSync(program, args, {
    cwd,
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC', SOURCE_DATE_EPOCH: epoch, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 256 * 1024 * 1024,
  })
  if (ended.error !== undefined) throw ended.error
  if (ended.status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${ended.status}`)
  return ended.stdout
}

/** Seconds since 1970; without a repository the first time that an archive can have. */
function lastCommit() {
  const asked = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' })
  return asked.status === 0 ? asked.stdout.trim() : '315532800'
}

/** The programs for this architecture alone, without what is for debugging a checkout. */
function stagePrograms(directory) {
  run(process.execPath, [join(root, 'tools/build.mjs'), '--out', directory], { env: { LDFLAGS: '-s' } })
  if (!existsSync(join(directory, 'native/nixsig-plugin.so')))
    throw new Error('a package has the store plugin: it takes a C compiler (cc and make)')
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.map')) rmSync(join(directory, name))
  for (const platform of readdirSync(join(directory, 'prebuilds')))
    if (platform !== `linux-${process.arch}`)
      rmSync(join(directory, 'prebuilds', platform), { recursive: true })
  for (const name of readdirSync(join(directory, 'prebuilds', `linux-${process.arch}`)))
    if (name !== 'sodium-native.node') rmSync(join(directory, `prebuilds/linux-${process.arch}`, name))
  mkdirSync(join(directory, 'completions'))
  for (const [shell, file] of [
    ['bash', 'nixsig'],
    ['zsh', '_nixsig'],
  ]) {
    const script = run(process.execPath, [join(directory, 'nixsig'), 'completion'], {
      env: { SHELL: `/bin/${shell}` },
    })
    writeFileSync(join(directory, 'completions', file), script)
  }
  cpSync(join(root, 'LICENSE'), join(directory, 'LICENSE'))
  cpSync(join(root, 'CHANGELOG.md'), join(directory, 'CHANGELOG.md'))
}

/** Who may sign the next version, in the archive itself. */
async function stageReleaseKeys(directory) {
  const file = join(directory, 'release.keys')
  if (values['release-key'] !== undefined) cpSync(values['release-key'], file)
  else if (values.sign !== undefined) await sign('--public', file)
  if (existsSync(file)) chmodSync(file, 0o644)
}

async function sign(...args) {
  const passphrase =
    values['passphrase-file'] === undefined ? [] : ['--passphrase-file', resolve(values['passphrase-file'])]
  const signer = existsSync(values.sign) ? resolve(values.sign) : values.sign
  const status = await runCompiled('tools/sign-release.ts', [signer, ...args, ...passphrase], {
    build: false,
  })
  if (status !== 0) throw new Error('nothing was signed')
}

/** A directory as a tar archive that says nothing of who made it and when. */
function makeArchive(parent, name, file) {
  const same = ['--sort=name', '--format=ustar', '--owner=0', '--group=0', '--numeric-owner']
  const modes = ['--mode=u=rwX,go=rX', `--mtime=@${epoch}`]
  const tar = `${file}.tar`
  run('tar', [...same, ...modes, '-cf', tar, '-C', parent, name])
  writeFileSync(file, run('gzip', ['-n', '-9', '-c', tar]))
  rmSync(tar)
}

rmSync(stage, { recursive: true, force: true })
mkdirSync(stage, { recursive: true })
try {
  const name = `nixsig-${version}-linux-${process.arch}`
  const programs = join(stage, name)
  stagePrograms(programs)
  await stageReleaseKeys(programs)
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  const archive = join(out, `${name}.tar.gz`)
  makeArchive(dirname(programs), name, archive)
  const debian = makeDebianPackage({ programs, version, stage, out, run })
  const lines = [archive, debian].map(file => {
    const hash = createHash('sha256').update(readFileSync(file)).digest('hex')
    return `${hash}  ${file.slice(out.length + 1)}\n`
  })
  writeFileSync(join(out, 'SHA256SUMS'), lines.join(''))
  if (values.sign !== undefined) await sign(join(out, 'SHA256SUMS'), join(out, 'SHA256SUMS.sig'))
  console.log(
    readdirSync(out)
      .map(file => join(out, file))
      .join('\n'),
  )
} finally {
  rmSync(stage, { recursive: true, force: true })
}
