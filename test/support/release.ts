/** Releases of nixsig as `npm run package` makes them, from a copy of this checkout. */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

const PARTS = [
  ...['CHANGELOG.md', 'LICENSE', 'hooks', 'nix/plugin', 'package.json', 'src', 'tools', 'tsconfig.json'],
]

export interface Release {
  /** What `npm run package` made: archive, package, list and signature. */
  readonly directory: string
  readonly archive: string
  readonly debian: string
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
  const made = spawnSync(process.execPath, [join(checkout, 'tools/package.mjs'), ...args], {
    cwd: checkout,
    env,
    encoding: 'utf8',
  })
  if (made.status !== 0) throw new Error(`no release: ${made.stdout}${made.stderr}`)
  const directory = join(checkout, 'release')
  const find = (end: string) => join(directory, readdirSync(directory).find(name => name.endsWith(end)) ?? '')
  return { directory, archive: find('.tar.gz'), debian: find('.deb') }
}
