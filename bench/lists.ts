/**
 * What a subscription to a list costs whoever judges, in pairs in one run: the pre-build hook with
 * a policy that names a list with a book of 10,000 keys, and with one that names the developers of
 * the same source itself; once when the ledger has every answer, and once when nothing is admitted
 * yet. Then a look-up alone, each time in a new process, in books as large and as hostile as they
 * can be. Times of processes are noisy: the last line of the first part says how much.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBook } from '../src/lists/book/read.ts'
import * as nix from '../test/support/expressions.ts'
import {
  bookFor,
  type EntryOf,
  FROM_THE_END,
  listOf,
  ORDINARY,
  projectName,
} from '../test/support/lists/large-lists.ts'
import {
  contentsOf,
  policyText,
  publish,
  released,
  type Signer,
  setPolicy,
  sha256,
  signer,
} from '../test/support/trust.ts'
import { type World, withWorld } from '../test/support/world.ts'
import { median, spread } from './statistics.ts'

const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 40)
const RUNS = 15
const KEYS = 10_000
const STATE = '/var/lib/nixsig'
const PROJECT = projectName(777)

const REST = `[default]
require.source = { developer = "its-developers" }
require.derivation = "nothing"
require.output = "self"
`
const WITH_LIST = `[lists.debian]\nurl = "https://lists.example.org/debian"\nroles = ["developer"]\n${REST}`
const WITHOUT = `[developers.project]\nnames = ["${PROJECT}-*.tar.*"]\nby = "someone"\n${REST}`

/** Puts one of both policies, with the state that belongs to it, into its place. */
const USE = `#!/bin/sh
set -e
now=$(cat /srv/now)
mv /etc/nixsig /srv/$now/etc
mv ${STATE} /srv/$now/state
mv /srv/$1/etc /etc/nixsig
mv /srv/$1/state ${STATE}
echo $1 >/srv/now
if [ "$2" = anew ]; then rm -rf ${STATE}/ledger; fi
`

function writeBookOf(world: World, someone: Signer): void {
  const document = listOf(KEYS, n => (n === 777 ? { ...ORDINARY(n), urls: [] } : ORDINARY(n)))
  const principals = new Map([...document.principals, ['p777', { keys: [{ key: someone.publicKey }] }]])
  bookFor(world.path(`${STATE}/lists/debian`), { ...document, principals })
}

/** Times of two commands in pairs, in milliseconds. */
async function pairs(world: World, ...commands: readonly (readonly string[])[]) {
  const args = [String(PAIRS), ...commands.map(command => JSON.stringify(command))]
  const text = await world.output(['node', '/srv/pairs.mjs', ...args], { timeout: 1_200_000 })
  return (JSON.parse(text) as [number, number][]).map(
    pair => pair.map(time => time * 1000) as [number, number],
  )
}

function printPairs(what: string, runs: readonly [number, number][]): void {
  const [first, second] = [median(runs.map(([a]) => a)), median(runs.map(([, b]) => b))]
  const more = median(runs.map(([a, b]) => a - b)).toFixed(2)
  const medians = `medians ${first.toFixed(1)} ms and ${second.toFixed(1)} ms, difference ${more} ms`
  console.log(`${what}: ${spread(runs.map(([a, b]) => a / b))}; ${medians}`)
}

async function prepare(world: World): Promise<readonly string[]> {
  const someone = signer('someone')
  const contents = 'a release\n'
  const source = nix.fixedOutput(`${PROJECT}-1.0.tar.gz`, contents, sha256(contents))
  world.write('/srv/source.nix', source)
  world.write('/srv/x.nix', nix.withInputs('uses-it', [`"\${${source}}"`]))
  const build = 'nix-build --no-out-link /srv/x.nix'
  world.write('/srv/use', USE)
  await world.output('chmod +x /srv/use; mkdir -p /srv/with /srv/without; echo with >/srv/now')
  await setPolicy(
    world,
    policyText({ someone: [someone] }, REST.replace(/require.source = .*/, 'require.source = "nothing"')),
  )
  const path = await world.output('nix-build --no-out-link /srv/source.nix', { timeout: 600_000 })
  publish(world, path, released(someone, await contentsOf(world, path)))
  await world.output(
    `rm -rf ${STATE}/ledger; cp -a /etc/nixsig /srv/without/etc; cp -a ${STATE} /srv/without/state`,
  )
  await setPolicy(world, policyText({ nobody: [signer('nobody')] }, WITH_LIST))
  writeBookOf(world, someone)
  // A policy that was just changed is not snapshotted.
  const settle = () => new Promise(resolve => setTimeout(resolve, 2500))
  await settle()
  const out = await world.output(build, { timeout: 600_000 })
  await world.output('/srv/use without')
  await setPolicy(world, policyText({ someone: [someone] }, WITHOUT))
  await settle()
  await world.output(`nix-store --delete ${out}; ${build}`, { timeout: 600_000 })
  await world.output(`nix-store --delete ${out}`)
  const drv = await world.output('nix-instantiate /srv/x.nix 2>/dev/null')
  return ['/opt/nixsig/pre-build-hook', drv, '/sandbox']
}

async function measureHooks(): Promise<void> {
  await withWorld('bookworm', {}, async world => {
    world.write('/srv/pairs.mjs', readFileSync(join(PROJECT_ROOT, 'bench/pairs.mjs')))
    const hook = await prepare(world)
    const use = (which: string, ...more: readonly string[]) => ['/srv/use', which, ...more]
    // The first switch finds the one that is there.
    await world.output('/srv/use with')
    const about = `pre-build-hook, with a book of ${KEYS} keys / without`
    printPairs(`${about}, all in the ledger`, await pairs(world, hook, hook, use('with'), use('without')))
    const anew = (which: string) => use(which, 'anew')
    printPairs(`${about}, all judged anew`, await pairs(world, hook, hook, anew('with'), anew('without')))
    const same = await pairs(world, hook, hook, use('without'), use('without'))
    printPairs('pre-build-hook without / without (what the noise makes)', same)
  })
}

const SHARED = 50
const HOSTILE: EntryOf = n => {
  const text = `${'a'.repeat(100)}b*${n}`
  if (n < 3) return { names: Array.from({ length: 32 }, (_, k) => `a*${text}${k}*`), urls: [] }
  if (n < 6) return { names: Array.from({ length: 32 }, (_, k) => `*${text}${k}*z`), urls: [] }
  return ORDINARY(n)
}
const ALIKE: EntryOf = n =>
  n < SHARED ? { names: ['a*'], urls: [] } : n < 2 * SHARED ? { names: ['*z'], urls: [] } : ORDINARY(n)

const BOOKS: readonly (readonly [what: string, entryOf: EntryOf, count: number, name: string])[] = [
  ['10,000 entries', ORDINARY, 10_000, `${PROJECT}-1.0.tar.gz`],
  ['20,000 entries', ORDINARY, 20_000, `${PROJECT}-1.0.tar.gz`],
  ['20,000 entries that begin with a wildcard', FROM_THE_END, 20_000, `x-${PROJECT}.tar.gz`],
  ['20,000 entries, as many that match as there may be', ALIKE, 20_000, `a${'-'.repeat(209)}z`],
  ['20,000 entries, some with globs that are slow to match', HOSTILE, 20_000, `${'a'.repeat(210)}z`],
]

/** What this program does when it is given a book and a name: one look-up, and its
 * milliseconds: by the clock, and of a processor. */
function lookUp(file: string, name: string): void {
  const [start, before] = [process.hrtime.bigint(), process.cpuUsage()]
  const book = openBook(file, 'debian')
  const urls = [`https://${PROJECT}.example.org/releases/x`]
  const people = book.developersOf({ name, urls }).flatMap(({ by }) => by.map(who => book.principal(who)))
  for (const one of people) if (one !== undefined) book.revocationsOf(one)
  const { user, system } = process.cpuUsage(before)
  const wall = Number(process.hrtime.bigint() - start) / 1e6
  console.log(JSON.stringify([wall, (user + system) / 1000]))
}

function measureLookUps(): void {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-bench-lists-'))
  try {
    for (const [about, entryOf, count, name] of BOOKS) {
      const file = bookFor(directory, listOf(count, entryOf))
      const times = Array.from({ length: RUNS }, () => {
        const args = [process.argv[1] ?? '', file, name]
        const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
        return JSON.parse(stdout) as [wall: number, cpu: number]
      })
      const size = (statSync(file).size / 1e6).toFixed(1)
      const [wall, cpu] = [times.map(([one]) => one), times.map(([, one]) => one)]
      const what = `open and look up in a new process, ${about} (${size} MB)`
      console.log(`${what}: ${spread(wall, ' ms')}; of a processor ${spread(cpu, ' ms')}`)
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const [file, name] = process.argv.slice(2)
if (file !== undefined && name !== undefined) {
  lookUp(file, name)
} else {
  measureLookUps()
  await measureHooks()
}
