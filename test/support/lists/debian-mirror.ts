/** Real source packages of Debian, laid out as on a mirror with the index that the archive signed. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { paragraphsOf } from '../../../src/lists/build/debian/control.ts'
import { testCache } from '../../../tools/debian-roots.mjs'
import { fetchDebianSources, RELEASES } from '../debian-source.ts'

/** The keys of Debian's archive. */
export const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Ten packages whose releases were signed by keys that are in force. */
export const GOOD = [
  'ap51-flash',
  'cmocka',
  'libassuan',
  'libbsd',
  'libgpg-error',
  'libmd',
  'libpipeline',
  'munin-c',
  'pciutils',
  'stunnel4',
]

/** Puts the index that apt fetched and verified, and the packages in the cache, into a directory. */
export function layOutMirror(mirror: string): void {
  fetchDebianSources(RELEASES)
  const cache = join(testCache(), 'debian-sources')
  const lists = join(cache, '.apt/lists')
  const main = readdirSync(lists).find(name => /_debian_dists_[a-z]+_InRelease$/.test(name))
  assert.ok(main, 'apt has no InRelease of Debian')
  const [, suite = ''] = /_dists_([a-z]+)_InRelease$/.exec(main) ?? []
  const index = readdirSync(lists).find(name =>
    name.startsWith(main.replace('InRelease', 'main_source_Sources')),
  )
  assert.ok(index)
  const dists = join(mirror, 'dists', suite)
  mkdirSync(join(dists, 'main/source'), { recursive: true })
  copyFileSync(join(lists, main), join(dists, 'InRelease'))
  const helper = ['cat-file', join(lists, index)]
  const { stdout } = spawnSync('/usr/lib/apt/apt-helper', helper, { maxBuffer: 2 ** 28 })
  writeFileSync(join(dists, 'main/source/Sources'), stdout)
  for (const fields of paragraphsOf(stdout.toString('utf8'))) {
    const source = join(cache, fields.get('package') ?? '-')
    const place = join(mirror, fields.get('directory') ?? '-')
    if (!existsSync(source)) continue
    mkdirSync(place, { recursive: true })
    for (const file of readdirSync(source).filter(name => name.includes('.tar.')))
      copyFileSync(join(source, file), join(place, file))
  }
}
