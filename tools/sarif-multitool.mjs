// Microsoft's SARIF Multitool, which judges what nixsig writes for code scanning. It is fetched once,
// as the package of npm that it is, into the tests' cache: 104 MB for one test are nothing for
// package-lock.json, which whoever builds nixsig fetches as well.

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { testCache } from './debian-roots.mjs'

const PACKAGE = '@microsoft/sarif-multitool-linux'
const VERSION = '5.7.0'
const INTEGRITY =
  'sha512-NxUbpq6ISCWoTQ/NfOYEwEDKq1Heka/rMoJ5R5LMydcAZQX/X7g5mWHcgxDub+0M07LC96tZ5LZHvF1Qy3gjTA=='

/** Whether it runs on this kind of processor. */
export const hasMultitool = process.arch === 'x64'

/** The directory with its program and with the schema of SARIF 2.1.0. */
export function multitoolDirectory() {
  return join(testCache(), `sarif-multitool-${VERSION}/node_modules`, PACKAGE)
}

/** Fetches it, if it is not there yet. Throws an error of one line. */
export function fetchMultitool() {
  if (!hasMultitool || existsSync(multitoolDirectory())) return
  mkdirSync(testCache(), { recursive: true })
  const partial = mkdtempSync(join(testCache(), 'sarif-multitool.'))
  try {
    console.error(`fetching ${PACKAGE} ${VERSION} …`)
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    const args = ['install', '--prefix', partial, ...quiet, '--save-exact', `${PACKAGE}@${VERSION}`]
    const done = spawnSync('npm', args, { encoding: 'utf8' })
    if (done.status !== 0) throw new Error(`npm install ${PACKAGE}: ${lastLine(done.stderr ?? '')}`)
    const lock = JSON.parse(readFileSync(join(partial, 'package-lock.json'), 'utf8'))
    const { integrity } = lock.packages[`node_modules/${PACKAGE}`]
    if (integrity !== INTEGRITY) throw new Error(`${PACKAGE} ${VERSION} is not the package that it was`)
    // The only thing that the package's own script does.
    chmodSync(join(partial, 'node_modules', PACKAGE, 'Sarif.Multitool'), 0o755)
    keep(partial)
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}

/** Another run may have been faster. */
function keep(partial) {
  try {
    renameSync(partial, join(testCache(), `sarif-multitool-${VERSION}`))
  } catch (error) {
    if (!existsSync(multitoolDirectory())) throw error
  }
}

function lastLine(text) {
  return text.trim().split('\n').at(-1)
}
