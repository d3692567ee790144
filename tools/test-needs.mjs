// What a test file says of itself in its first comment, a line each:
//
//   // needs: both-judges      runs twice: hooks that judge themselves, then hooks that ask a resident process
//   // needs: alone            weighs times, so nothing else runs beside it
//   // needs: debian-sources   real releases, which are fetched from Debian before anything runs
//
// Several needs of one file stand on one line, divided by commas.

import { readFileSync } from 'node:fs'

const KNOWN = ['both-judges', 'alone', 'debian-sources']

/** The needs of a test file. Throws when it names one that nobody knows. */
export function needsOf(file) {
  const needs = new Set()
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.startsWith('//')) break
    const [, listed = ''] = /^\/\/ needs: (.*)$/.exec(line) ?? []
    for (const need of listed.split(/,\s*/).filter(Boolean)) {
      if (!KNOWN.includes(need))
        throw new Error(`${file} needs ${need}, which is not one of ${KNOWN.join(', ')}`)
      needs.add(need)
    }
  }
  return needs
}
