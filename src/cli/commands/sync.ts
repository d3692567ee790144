import type { Synced } from '../../evidence/remote/sync.ts'
import type { AttestationSource } from '../../policy/policy.ts'
import { pathWord, when } from '../../policy/words.ts'
import { printable } from '../../primitives/printable.ts'
import { openInquiry } from '../../verifier/inquiry.ts'
import { command, type Invocation, JSON_LINES_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { jsonLine } from '../verdict-json.ts'

interface Options {
  readonly source: string | undefined
  readonly json: boolean
}

/** `nixsig sync`: makes the mirrors of all sources complete. */
export const sync = command({
  options: {
    source: { kind: 'value', value: 'URL', text: 'Only this one, as attestations.sources has it' },
    json: JSON_LINES_OPTION,
  },
  examples: [['sync', 'Once a day, or before going offline']],
  reads: ['policy', 'state'],
  run: syncSources,
})

async function syncSources(
  { source, json }: Options,
  { places, terminal }: Invocation<'policy' | 'state'>,
): Promise<Status> {
  const inquiry = openInquiry({ ...places, attestations: undefined }, { records: false })
  const { sources } = await inquiry.policy().finally(() => inquiry.close())
  const chosen = chosenOf(sources, source)
  if (chosen.length === 0) terminal.note('the policy names no sources of attestations')
  const [{ mirrorOf }, { PATIENCE }, { syncMirror }] = await Promise.all([
    import('../../evidence/remote/mirror.ts'),
    import('../../http/patience.ts'),
    import('../../evidence/remote/sync.ts'),
  ])
  let isComplete = true
  for (const one of chosen) {
    const synced = await syncMirror(mirrorOf(places.state, one), PATIENCE, (done, of) => {
      terminal.progress(`${pathWord(one.url)}: ${done} of ${of} parts`)
    })
    if (json) terminal.print(jsonLine({ url: one.url, ...synced }))
    else say(terminal, one, synced)
    if (synced.problems.length > 0) isComplete = false
  }
  return isComplete ? 0 : 20
}

function chosenOf(
  sources: readonly AttestationSource[],
  url: string | undefined,
): readonly AttestationSource[] {
  if (url === undefined) return sources
  const chosen = sources.filter(source => source.url === url.replace(/\/+$/, ''))
  if (chosen.length > 0) return chosen
  throw new UsageError(`${printable(url)} is not one of the policy's attestations.sources`)
}

/** One line of what there is, and one for each thing that went wrong. */
function say(terminal: Terminal, { url }: AttestationSource, synced: Synced): void {
  const { added, changed, removed, unchanged, published, problems } = synced
  const counts = `${added} new, ${changed} changed, ${removed} removed, ${unchanged} unchanged`
  const time = published === undefined ? '' : ` (as of ${when(published)})`
  const outcome = problems.length === 0 ? terminal.good('ok') : terminal.doubtful(`${problems.length} failed`)
  terminal.print(`${pathWord(url)}: ${outcome}, ${counts}${time}`)
  for (const problem of problems) terminal.print(`  ${problem}`, 'refusal')
}
