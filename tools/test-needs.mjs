// What a test file says of itself in its first comment, a line each:
//
//   // needs: both-judges      runs twice: hooks judge by themselves, then ask a resident process
//   // needs: alone            weighs times, so nothing else runs beside it
//   // needs: dist             dist/, built; every end-to-end test has it anyway
//   // needs: debian-sources   real releases, which are fetched from Debian before anything runs
//   // needs: browser          Chromium, without a screen
//   // needs: sarif-multitool  Microsoft's program for SARIF, which is fetched from npm before anything runs
//
// Several needs of one file stand on one line, divided by commas. A file that takes long says so,
// and is started before those that do not:
//
//   // takes: 8 minutes        on two processors, with another file beside it

import { readFileSync } from 'node:fs'

const KNOWN = ['both-judges', 'alone', 'dist', 'debian-sources', 'browser', 'sarif-multitool']

/** The needs of a test file. Throws when it names one that nobody knows. */
export function needsOf(file) {
  const needs = valuesOf(file, 'needs').flatMap(listed => listed.split(/,\s*/))
  const unknown = needs.find(need => !KNOWN.includes(need))
  if (unknown !== undefined)
    throw new Error(`${file} needs ${unknown}, which is not one of ${KNOWN.join(', ')}`)
  return new Set(needs)
}

/**
 * The minutes that a test file says it takes; 0 if it does not say. Throws when that is not a whole
 * number.
 */
export function minutesOf(file) {
  const [told = '0 minutes'] = valuesOf(file, 'takes')
  const [, minutes] = /^(\d+) minutes?$/.exec(told) ?? []
  if (minutes === undefined) throw new Error(`${file} takes ${told}, which is not a number of minutes`)
  return Number(minutes)
}

/** What stands after `// NAME: ` in the first comment of a file, line by line. */
function valuesOf(file, name) {
  const lines = readFileSync(file, 'utf8').split('\n')
  const end = lines.findIndex(line => !line.startsWith('//'))
  const start = `// ${name}: `
  return lines
    .slice(0, end)
    .filter(line => line.startsWith(start))
    .map(line => line.slice(start.length))
}
