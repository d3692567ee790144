import { mkdirSync } from 'node:fs'
import { readNamedFile } from '../../files/named-file.ts'
import { decodeUtf8 } from '../../formats/json/strict.ts'
import { TLOG_PROOF_LIMIT } from '../../formats/tlog/tlog-proof.ts'
import { keepLogProofs, writeLogEntries } from '../../packaging/attest/log-proofs.ts'
import { counted } from '../../primitives/counted.ts'
import { printable } from '../../primitives/printable.ts'
import { command, OUT_OPTION } from '../command.ts'
import { storePathOf } from '../store-argument.ts'

/** `nixsig attest log-entries PATH…`: what has to be submitted to a transparency log. */
export const logEntries = command({
  arguments: { paths: { count: 'one or more', text: 'Store paths that attestations are about' } },
  options: {
    from: { kind: 'value', value: 'DIR', fallback: 'attestations', text: 'Directory of attestations' },
    to: {
      kind: 'value',
      value: 'DIR',
      fallback: 'log-entries',
      text: 'Directory for a file of each attestation, made if it is missing',
    },
  },
  examples: [
    ['attest log-entries ./result --to entries', 'Files for sigsum-submit, or for the tool of another log'],
  ],
  run: async ({ paths, from, to }, { terminal }) => {
    mkdirSync(to, { recursive: true })
    for (const path of paths.map(storePathOf))
      for (const file of writeLogEntries(from, path, to)) terminal.print(printable(file))
    return 0
  },
})

/** `nixsig attest log-proof PATH --proof FILE`: keeps what a log proved with the attestation. */
export const logProof = command({
  arguments: { path: { count: 'one', text: 'The store path that the attestation is about' } },
  options: {
    proof: {
      kind: 'values',
      value: 'FILE',
      required: true,
      text: 'A proof, as sigsum-submit writes it or as a tlog-proof of C2SP',
    },
    out: OUT_OPTION,
  },
  examples: [
    [
      'attest log-proof ./result --proof entries/0123….envelope.proof',
      'Keep a proof with the attestation that was submitted',
    ],
  ],
  run: async ({ path, proof, out }, { terminal }) => {
    const proofs = proof.map(file => {
      const { bytes } = readNamedFile(file, TLOG_PROOF_LIMIT)
      return { text: decodeUtf8(bytes, 'the proof'), origin: file }
    })
    const added = keepLogProofs(out, storePathOf(path), proofs)
    const rest = proofs.length - added
    const known = rest > 0 ? `, ${rest} ${rest === 1 ? 'was' : 'were'} there` : ''
    terminal.print(`${terminal.good('kept')} ${counted(added, 'proof')} in ${printable(out)}${known}`)
    return 0
  },
})
