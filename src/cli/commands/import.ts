import { statSync } from 'node:fs'
import { readNamedFile, realPathOf } from '../../files/named-file.ts'
import { decodeUtf8 } from '../../formats/json/strict.ts'
import { parseAllowedSigners } from '../../formats/ssh/allowed-signers.ts'
import { importDirectory } from '../../packaging/exchange/directory.ts'
import { type EnvelopeBatch, envelopesOf, openEnvelopeBatch } from '../../packaging/exchange/envelopes.ts'
import { type Imported, NOTHING, total } from '../../packaging/exchange/imported.ts'
import { importNarinfo } from '../../packaging/exchange/narinfo.ts'
import { principalsOfSigners } from '../../policy/allowed-signers.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_OPTION, OUT_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { UsageError } from '../usage-error.ts'
import { jsonLine } from '../verdict-json.ts'

const FILE_LIMIT = 64 * 1024 * 1024

interface Options {
  readonly files: readonly string[]
  readonly out: string
  readonly json: boolean
}

/** `nixsig import FILE…`: what other tools wrote, into a directory of attestations. */
export const importCommand = command({
  arguments: { files: { count: 'one or more', text: 'Files of any of these kinds, or directories' } },
  options: { out: OUT_OPTION, json: JSON_OPTION },
  examples: [
    ['import alice/attestations bob/attestations --out all', 'Make one directory of two'],
    ['import allowed_signers >draft.toml', 'Principals for a policy, from a file of SSH keys'],
    [
      'import hello.intoto.jsonl zrcm…hello.narinfo',
      'A bundle that somebody sent, and what a cache says of the output',
    ],
  ],
  run: importFiles,
})

async function importFiles({ files, out, json }: Options, { terminal }: Invocation): Promise<Status> {
  const parts: Imported[] = []
  const batch = openEnvelopeBatch(out)
  for (const file of files) {
    const list = allowedSignersIn(file)
    if (list !== undefined && files.length > 1) throw new UsageError('import a list of signers alone')
    // Whom to trust is for a person to put into the policy.
    if (list !== undefined) {
      if (json)
        throw new UsageError('a list of signers becomes a part of a policy, in TOML: leave out --json')
      terminal.print(principalsOfSigners(parseAllowedSigners(list)).trimEnd())
      return 0
    }
    parts.push(await importOne(out, file, batch))
  }
  const { added, known, skipped } = total([...parts, batch.finish()])
  const status = skipped.length > 0 && added.length + known === 0 ? 20 : 0
  if (json) {
    terminal.print(jsonLine({ out, added, known, skipped }))
    return status
  }
  for (const why of skipped) terminal.note(`${terminal.doubtful('left out')} ${why}`)
  terminal.print(
    `${terminal.good('imported')} ${added.length} into ${printable(out)}, ${known} were there, ${skipped.length} left out`,
  )
  return status
}

async function importOne(out: string, file: string, batch: EnvelopeBatch): Promise<Imported> {
  const path = realPathOf(file)
  if (statSync(path).isDirectory()) return importDirectory(out, path, batch)
  const text = decodeUtf8(readNamedFile(path, FILE_LIMIT).bytes, 'the file')
  if (text.startsWith('StorePath: ')) return importNarinfo(out, text)
  batch.add(envelopesOf(text, file))
  return NOTHING
}

/**
 * The contents of a file that has an SSH key in its first line that says anything: a list of
 * allowed signers.
 */
function allowedSignersIn(file: string): Uint8Array | undefined {
  const path = realPathOf(file)
  if (statSync(path).isDirectory()) return undefined
  const { bytes } = readNamedFile(path, FILE_LIMIT)
  const [first = ''] = bytes
    .toString('latin1')
    .split('\n')
    .filter(line => /^\s*[^#\s]/.test(line))
  return /(?:^|\s)(?:sk-)?(?:ssh|ecdsa)-\S+\s+AAAA/.test(first) ? bytes : undefined
}
