/** Releases of nixsig as `npm run package` makes them, from a copy of this checkout. */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
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
import { basename, join } from 'node:path'
import { after } from 'node:test'

const PARTS = [
  ...['CHANGELOG.md', 'LICENSE', 'hooks', 'nix/plugin', 'package.json', 'src', 'tools', 'tsconfig.json'],
]
/** What the files of one run share; tools/test.mjs removes it before the next. */
const SHARED = join(PROJECT_ROOT, '.build/test-releases')
/** Runs a command that makes a directory, unless it is there; nobody sees half of one. */
const ONCE = 'made=$1; shift; [ -e "$made" ] || { rm -rf "$made~"; "$@"; mv "$made~" "$made"; }'

export interface Release {
  /** What `npm run package` made: archive, package, list and signature. */
  readonly directory: string
  readonly archive: string
  readonly debian: string
}

/** Whoever signs the releases that files share: a file of `nixsig keygen`, and the key for SSH. */
export function maker(): { readonly secretFile: string; readonly publicKey: string } {
  const directory = join(SHARED, 'keys')
  const keygen = 'mkdir "$1"; cd "$1"; "$2" keygen maker-1 >said'
  once(directory, ['sh', '-euc', keygen, 'sh', `${directory}~`, join(PROJECT_ROOT, 'dist/nixsig')])
  const said = readFileSync(join(directory, 'said'), 'utf8')
  const [publicKey] = /ssh-ed25519 [\w+/=]+/.exec(said) ?? []
  if (publicKey === undefined) throw new Error(`nixsig keygen said no public key: ${said}`)
  return { secretFile: join(directory, 'maker-1.secret'), publicKey }
}

/**
 * The release of a version that the maker signed. It is made once in a run of the tests: whoever
 * uses it copies it and changes nothing in it.
 */
export function sharedRelease(version: string): Release {
  const directory = join(SHARED, version)
  if (!existsSync(directory)) {
    const [command, options] = packaging(version, ['--sign', maker().secretFile, '--out', `${directory}~`])
    once(directory, command, options)
  }
  return releaseIn(directory)
}

/**
 * Makes a release of a version. `changed` may change the copy of the checkout first. `args`: those
 * of tools/package.mjs.
 */
export function makeRelease(
  version: string,
  args: readonly string[] = [],
  changed: (checkout: string) => void = () => {},
): Release {
  const [[program = '', ...rest], options] = packaging(version, args, changed)
  run(program, rest, options)
  return releaseIn(join(options.cwd, 'release'))
}

interface RunOptions {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
}

/** A copy of the checkout with this version, and the command that makes a release of it. */
function packaging(
  version: string,
  args: readonly string[],
  changed: (checkout: string) => void = () => {},
): readonly [command: readonly string[], options: RunOptions] {
  const checkout = mkdtempSync(join(tmpdir(), 'nixsig-release-'))
  after(() => rmSync(checkout, { recursive: true, force: true }))
  mkdirSync(join(checkout, 'nix'))
  for (const part of PARTS) cpSync(join(PROJECT_ROOT, part), join(checkout, part), { recursive: true })
  symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(checkout, 'node_modules'))
  const file = join(checkout, 'package.json')
  const { version: was } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }
  writeFileSync(file, readFileSync(file, 'utf8').replace(`"version": "${was}"`, `"version": "${version}"`))
  changed(checkout)
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000' }
  return [[process.execPath, join(checkout, 'tools/package.mjs'), ...args], { cwd: checkout, env }]
}

/** The same release by somebody else, whom it names as its maker and who signed it with this OpenSSH key. */
export function forgedRelease({ directory, archive }: Release, secretFile: string): Release {
  const forged = mkdtempSync(join(tmpdir(), 'nixsig-forged-'))
  after(() => rmSync(forged, { recursive: true, force: true }))
  const name = basename(archive)
  run('sh', ['-euc', FORGE, 'sh', directory, forged, name, basename(name, '.tar.gz'), secretFile], {})
  return releaseIn(forged)
}

const FORGE = `
from=$1 to=$2 archive=$3 programs=$4 key=$5
cp "$from"/* "$to"; cd "$to"
tar -xzf "$archive"
cp "$key.pub" "$programs/release.keys"
tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner -czf "$archive" "$programs"
rm -r "$programs" SHA256SUMS.sig
sha256sum -- *.tar.gz *.deb >SHA256SUMS
ssh-keygen -q -Y sign -n file -f "$key" SHA256SUMS`

/** Has a command make `made` under the name `made~`, by the first of several files that want it. */
function once(made: string, command: readonly string[], options: Partial<RunOptions> = {}): void {
  mkdirSync(SHARED, { recursive: true })
  run('flock', [`${made}.lock`, 'sh', '-euc', ONCE, 'sh', made, ...command], options)
}

function run(program: string, args: readonly string[], options: Partial<RunOptions>): void {
  const made = spawnSync(program, args, { ...options, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`no release: ${made.error ?? ''}${made.stdout}${made.stderr}`)
}

function releaseIn(directory: string): Release {
  const find = (end: string) => join(directory, readdirSync(directory).find(name => name.endsWith(end)) ?? '')
  return { directory, archive: find('.tar.gz'), debian: find('.deb') }
}
