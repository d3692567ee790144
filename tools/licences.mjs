// The notices of everything that is bundled into dist/: their licences ask for them wherever copies
// go. They are taken from the packages themselves; LICENSES.txt says which text is whose.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

/** Files of a package that hold its licence and what has to be said beside it. */
const NOTICE = /^(licen[cs]e|notice|copying)/i

/** Lies in sodium-native's prebuilds, and its licence in none of its files. */
const LIBSODIUM = `libsodium (ISC)

Copyright (c) 2013-2025
Frank Denis <j at pureftpd dot org>

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`

/**
 * The text of LICENSES.txt: each notice once, below the packages that it belongs to. `entries`: all
 * programs. Throws if a package that is bundled has no notice.
 */
export async function licencesOf(root, entries) {
  const packages = (await packagesIn(root, entries)).map(directory => {
    const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
    return { name, version, license, text: noticeIn(directory) }
  })
  const notices = new Map()
  for (const { name, version, license, text } of packages) {
    // Of one publisher's packages, some come without the file that the others have.
    const said = text ?? packages.find(other => isOfOneKind(other, { name, license }) && other.text)?.text
    if (said === undefined) throw new Error(`${name} is bundled and has no licence in its package`)
    notices.set(said, [...(notices.get(said) ?? []), `${name} ${version} (${license})`])
  }
  const parts = [...notices].map(([text, names]) => `${[...new Set(names)].sort().join('\n')}\n\n${text}\n`)
  return [...parts.sort(), LIBSODIUM].join(`\n${'-'.repeat(80)}\n\n`)
}

function noticeIn(directory) {
  const files = readdirSync(directory).filter(file => NOTICE.test(file))
  if (files.length === 0) return undefined
  return files
    .sort()
    .map(file => readFileSync(join(directory, file), 'utf8').trim())
    .join('\n\n')
}

function isOfOneKind(one, other) {
  const scope = ({ name }) => /^@[^/]+\//.exec(name)?.[0]
  return scope(one) !== undefined && scope(one) === scope(other) && one.license === other.license
}

/** Directories of the packages of which something is bundled, and of sodium-native. */
async function packagesIn(root, entries) {
  const { metafile } = await build({
    entryPoints: entries.map(entry => join(root, entry)),
    absWorkingDir: root,
    outdir: join(root, '.build/licences'),
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'cjs',
    external: ['sodium-native'],
    logLevel: 'error',
  })
  const modules = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([input, { bytesInOutput }]) => (bytesInOutput > 0 ? [input] : [])),
  )
  const packages = modules.flatMap(
    module => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module)?.[0] ?? [],
  )
  return [...new Set([...packages, 'node_modules/sodium-native'])].sort().map(one => join(root, one))
}
