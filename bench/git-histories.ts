/**
 * How long it takes to authenticate a synthetic history of signed commits: milliseconds a commit as
 * a whole, then what 100 new commits cost. HISTORY_COMMITS sets their number, by default 5,000.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SemanticsName } from '../src/git/authenticate/semantics.ts'
import {
  ALL_RIGHTS,
  certificateOf,
  guixFile,
  KEYS,
  policyFile,
  writeCase,
} from '../test/support/history-cases.ts'
import { judged, wordsOf } from '../test/support/history-verdicts.ts'
import { signedHistory } from '../test/support/signed-history.ts'
import { median } from './statistics.ts'

const COMMITS = Number(process.env['HISTORY_COMMITS'] ?? 5000)
const NEW = 100
const ROUNDS = 5

const { alice, bob } = KEYS
const FILES = {
  '.guix-authorizations': guixFile(alice, bob),
  'openpgp-policy.toml': policyFile({
    alice: { certificates: [certificateOf(alice)], rights: ALL_RIGHTS },
    bob: { certificates: [certificateOf(bob)] },
  }),
}

const dir = mkdtempSync(join(tmpdir(), 'nixsig-bench-history-'))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))

/** Adds commits by both, every tenth a merge of a branch; returns the last one. */
function extend(history: ReturnType<typeof signedHistory>, from: string, count: number): string {
  let [tip, side] = [from, from]
  for (let index = 0; index < count; index++) {
    const files = { ...FILES, contents: `${from} ${index}` }
    const isMerge = index % 10 === 9
    const made = history.commit({
      files,
      parents: isMerge ? [tip, side] : [tip],
      by: index % 2 ? alice : bob,
    })
    if (index % 10 === 5) side = made
    tip = made
  }
  return tip
}

async function milliseconds(act: () => Promise<void>): Promise<number> {
  const begin = performance.now()
  await act()
  return performance.now() - begin
}

const history = signedHistory(join(dir, 'repository'))
const introduction = history.commit({ files: FILES, by: alice })
let tip = extend(history, introduction, COMMITS)
writeCase(history, { introduction, tip })

async function time(semantics: SemanticsName, memory: string): Promise<number> {
  return milliseconds(async () => {
    const answer = await judged({ history, made: { introduction, tip } }, semantics, { memory })
    if (answer.outcome !== 'authentic') throw new Error(wordsOf(answer))
  })
}

for (const semantics of ['guix', 'sequoia-git'] as const) {
  const memory = join(dir, semantics)
  const whole = await time(semantics, memory)
  const again = await time(semantics, memory)
  const news: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    tip = extend(history, tip, NEW)
    history.write({ 'refs/heads/main': tip })
    news.push(await time(semantics, memory))
  }
  console.log(
    `${semantics}: ${COMMITS} commits ${whole.toFixed(0)} ms, ${(whole / COMMITS).toFixed(2)} ms each; ` +
      `${NEW} new ones ${median(news).toFixed(0)} ms; nothing new ${again.toFixed(0)} ms`,
  )
}
