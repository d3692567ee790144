import { join, resolve } from 'node:path'
import { when } from '../../policy/words.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { UsageError } from '../usage-error.ts'
import { jsonLine } from '../verdict-json.ts'

interface Options {
  readonly from: string
  readonly to: string
  readonly as: string
  readonly prune: boolean
  readonly json: boolean
}

/** `nixsig publish --to DIR --as NAME`: attestations as any server of files hands them out. */
export const publish = command({
  options: {
    from: {
      kind: 'value',
      value: 'DIR',
      fallback: 'attestations',
      text: 'Directory of attestations to publish',
    },
    to: {
      kind: 'value',
      value: 'DIR',
      required: true,
      text: 'Directory that the file server serves, or that is copied there',
    },
    as: {
      kind: 'value',
      value: 'NAME',
      required: true,
      text: 'Name below it that nobody else publishes under, such as alice',
    },
    prune: { kind: 'flag', text: 'Withdraw published attestations that are no longer there' },
    json: JSON_OPTION,
  },
  examples: [['publish --to public --as alice', 'Then serve public; users list https://…/alice']],
  run: publishFiles,
})

async function publishFiles(options: Options, { terminal }: Invocation): Promise<Status> {
  const { from, as, prune } = options
  if (!/^[0-9A-Za-z_][0-9A-Za-z._-]{0,127}$/.test(as)) {
    throw new UsageError(`"${printable(as)}" is not a valid name: use letters, digits and . _ - only`)
  }
  const to = join(options.to, as)
  if (`${resolve(to)}/`.startsWith(`${resolve(from)}/`)) {
    throw new UsageError(`${printable(to)} lies inside the directory that is published: choose another --to`)
  }
  const now = Math.floor(Date.now() / 1000)
  const module = await import('../../evidence/publication/publish.ts')
  const { added, changed, removed, unchanged, published } = await module.publish({ from, to, prune, now })
  if (options.json) {
    terminal.print(jsonLine({ directory: to, added, changed, removed, unchanged, published }))
    return 0
  }
  const isNew = added + changed + removed > 0
  terminal.print(
    `${isNew ? terminal.good('published') : 'published before'} in ${printable(to)}: ${added} new, ` +
      `${changed} changed, ${removed} withdrawn, ${unchanged} unchanged (as of ${when(published)})`,
  )
  return 0
}
