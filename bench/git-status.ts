/**
 * What it takes to find the nearest signed commit, 5,000 commits back in a history of 100,000, and
 * to verify one with 40,000 files (BENCH_COMMITS and BENCH_FILES are other numbers). In one
 * process, and as commands, in pairs against `node -e 0`.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSigner } from '../src/crypto/signers/open-signer.ts'
import { judgeRevision } from '../src/expressions/judge-revision.ts'
import { nearestTrusted } from '../src/expressions/nearest.ts'
import { readRevision } from '../src/expressions/read-revision.ts'
import { signRevision } from '../src/expressions/sign-revision.ts'
import { openRepository } from '../src/git/open-repository.ts'
import { parsePolicy } from '../src/policy/language/parse.ts'
import { spread } from './statistics.ts'

const COMMITS = Number(process.env['BENCH_COMMITS'] ?? 100_000)
const FILES = Number(process.env['BENCH_FILES'] ?? 40_000)
const DEPTH = 5000
const RUNS = Number(process.env['BENCH_PAIRS'] ?? 20)

const dir = mkdtempSync(join(tmpdir(), 'nixsig-bench-git-'))
const place = join(dir, 'repository')
const program = join(PROJECT_ROOT, 'dist/nixsig')

function run(args: readonly string[], input = ''): string {
  const [command = '', ...rest] = args
  const { status, stdout, stderr } = spawnSync(command, rest, {
    cwd: dir,
    input,
    encoding: 'utf8',
    maxBuffer: 1e9,
  })
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
  return stdout
}

/** A history as `git fast-import` reads it: all files at first, then one that changes. */
function history(): string {
  const commit = (number: number, changes: string) =>
    `commit refs/heads/main\nmark :${number}\ncommitter Dev <d@e> ${1_600_000_000 + number} +0000\ndata 5\nmore\n\n${changes}\n`
  const file = (name: string, text: string) => `M 100644 inline ${name}\ndata ${text.length}\n${text}\n`
  const names = Array.from({ length: FILES }, (_, index) => `d${index % 300}/f${index}`)
  const first = commit(1, names.map(name => file(name, `${name} ${'x'.repeat(900)}`)).join(''))
  const others = Array.from({ length: COMMITS - 1 }, (_, index) =>
    commit(index + 2, file('changing', `${index}`)),
  )
  return [first, ...others].join('')
}

async function milliseconds(step: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint()
  await step()
  return Number(process.hrtime.bigint() - start) / 1e6
}

function timed(args: readonly string[]): number {
  const start = process.hrtime.bigint()
  spawnSync(args[0] ?? '', args.slice(1), { cwd: dir, stdio: 'ignore' })
  return Number(process.hrtime.bigint() - start) / 1e6
}

async function report(name: string, step: () => Promise<void>, runs = RUNS): Promise<void> {
  const times: number[] = []
  for (let index = 0; index < runs; index++) times.push(await milliseconds(step))
  console.log(`${name}: ${spread(times, ' ms')}`)
}

try {
  run(['git', 'init', '--quiet', '--initial-branch=main', place])
  run(['git', '-C', place, 'fast-import', '--quiet'], history())
  const keys = ['alice', 'bob'].map(
    name => run([program, 'keygen', `${name}-1`]) && join(dir, `${name}-1.secret`),
  )
  const people = ['alice', 'bob'].map(
    name => `principals.${name}.keys = ["${run(['cat', `${name}-1.pub`]).trim()}"]`,
  )
  const policyFile = join(dir, 'policy.toml')
  const toml = `version = 1
mode = "enforce"
${people.join('\n')}
groups.both = { members = ["alice", "bob"], threshold = 2 }
default.require = { source = "refuse", derivation = "refuse", output = "refuse" }
[[inputs]]
url = "*"
require = "both"
`
  writeFileSync(policyFile, toml)
  const policy = parsePolicy({ toml, file: policyFile, directory: dir, certificate: () => new Uint8Array() })
  const now = Math.floor(Date.now() / 1000)
  const repository = openRepository(place)
  const old = await repository.resolve(`main~${DEPTH}`)
  const { revision } = await readRevision(repository, old, 'hashed')
  repository.close()
  for (const key of keys) {
    const signer = await openSigner(key, { passphrase: async () => '' })
    await signRevision(
      place,
      revision,
      { form: 'nixsig', role: 'committer', review: undefined },
      { signer, now },
    )
    signer.close()
  }

  await report(`nearest of ${COMMITS} commits, ${DEPTH} back`, async () => {
    const opened = openRepository(place)
    const commit = await opened.resolve('main')
    const { found } = await nearestTrusted(
      policy,
      { repository: opened, url: 'x:', commit, contents: 'by-id' },
      now,
    )
    opened.close()
    if (found?.commit !== old) throw new Error('it found another commit')
  })
  await report(
    `verify a commit with ${FILES} files`,
    async () => {
      const opened = openRepository(place)
      const { verdict } = await judgeRevision(policy, { repository: opened, url: 'x:', commit: old }, now)
      opened.close()
      if (verdict.outcome !== 'trusted') throw new Error('it is not trusted')
    },
    3,
  )
  const call = [program, 'git', 'status', place, '--policy', policyFile]
  const pairs = Array.from({ length: RUNS }, () => [timed(call), timed(['node', '-e', '0'])] as const)
  console.log(
    `nixsig git status: ${spread(
      pairs.map(([called]) => called),
      ' ms',
    )}`,
  )
  console.log(`nixsig git status / node -e 0: ${spread(pairs.map(([called, bare]) => called / bare))}`)
} finally {
  rmSync(dir, { recursive: true, force: true })
}
