import { join } from 'node:path'
import { EXTREMES } from './extremes.ts'
import type { Target } from './target.ts'
import { APPENDED_PACKETS } from './targets/appended-packets.ts'
import { APPROVALS } from './targets/approvals.ts'
import { ASKED } from './targets/asked.ts'
import { ATTESTATIONS } from './targets/attestations.ts'
import { AUDITS } from './targets/audits.ts'
import { bookTargets } from './targets/books.ts'
import { COMMIT_NOTES } from './targets/commit-notes.ts'
import { COMPRESSED } from './targets/compressed.ts'
import { DECISIONS } from './targets/decisions.ts'
import { DECLARED_SIGNATURES } from './targets/declared-signatures.ts'
import { ENCODINGS } from './targets/encodings.ts'
import { FORGED_ENVELOPE, FORGED_PAYLOAD, FORGED_SIGNATURE, forgedAttestations } from './targets/forgeries.ts'
import { FORGED_NARINFO, minisignForgeries } from './targets/forgeries-of-others.ts'
import { GATE_INPUT } from './targets/gate.ts'
import { GIT } from './targets/git.ts'
import { HISTORIES } from './targets/histories.ts'
import { HOOK_QUESTIONS } from './targets/hook-questions.ts'
import { KEPT_AUDITS } from './targets/kept-audits.ts'
import { KEYS } from './targets/keys.ts'
import { LOCKS } from './targets/locks.ts'
import { NIX_FILES } from './targets/nix-files.ts'
import { OPENPGP } from './targets/openpgp.ts'
import { OTHER_STORES } from './targets/other-stores.ts'
import { PACKAGING_FILES } from './targets/packaging-files.ts'
import { pluginTargets } from './targets/plugin.ts'
import { POLICY } from './targets/policy.ts'
import { PUBLICATION } from './targets/publication.ts'
import { recordTargets } from './targets/records.ts'
import { REFERENCES } from './targets/references.ts'
import { forgedList, SIGNED_LISTS } from './targets/signed-lists.ts'
import { SIGNERS } from './targets/signers.ts'
import { SIGSTORE } from './targets/sigstore.ts'
import { SIGSTORE_DOCUMENTS } from './targets/sigstore-documents.ts'
import { smallWorldTargets } from './targets/small-worlds.ts'
import { FORGED_SIGNIFY, FORGED_SSH_BLOB, FORGED_SSH_SIGNATURE, SSH } from './targets/ssh.ts'
import { FORGED_LOG_PROOF, TLOG_FORMATS } from './targets/tlog.ts'
import { TUF } from './targets/tuf.ts'
import { WORKER_PROTOCOL } from './targets/worker-protocol.ts'

/** All parsers of outside data. `scratch`: an empty directory that only this user can write to. */
export function allTargets(scratch: string): readonly Target[] {
  const targets: readonly Target[] = [
    ...ENCODINGS,
    ...ASKED,
    ...ATTESTATIONS,
    ...APPROVALS,
    ...NIX_FILES,
    ...DECISIONS,
    ...DECLARED_SIGNATURES,
    ...KEYS,
    ...SIGNERS,
    ...OPENPGP,
    APPENDED_PACKETS,
    ...SIGSTORE,
    ...SIGSTORE_DOCUMENTS,
    POLICY,
    ...PUBLICATION,
    ...recordTargets(join(scratch, 'state')),
    ...pluginTargets(join(scratch, 'plugin')),
    ...WORKER_PROTOCOL,
    ...HOOK_QUESTIONS,
    ...GATE_INPUT,
    ...OTHER_STORES,
    REFERENCES,
    ...COMMIT_NOTES,
    ...SSH,
    ...SIGNED_LISTS,
    ...COMPRESSED,
    ...GIT,
    ...LOCKS,
    ...AUDITS,
    ...KEPT_AUDITS,
    ...HISTORIES,
    ...PACKAGING_FILES,
    ...TUF,
    ...TLOG_FORMATS,
    FORGED_LOG_PROOF,
    FORGED_SSH_SIGNATURE,
    FORGED_SSH_BLOB,
    FORGED_SIGNIFY,
    forgedList(join(scratch, 'lists')),
    ...bookTargets(join(scratch, 'book')),
    FORGED_ENVELOPE,
    FORGED_PAYLOAD,
    FORGED_SIGNATURE,
    forgedAttestations(join(scratch, 'attestations')),
    FORGED_NARINFO,
    ...minisignForgeries(join(scratch, 'released')),
    ...smallWorldTargets(scratch),
  ]
  return targets.map(target => ({ ...target, extremes: EXTREMES[target.name] ?? [] }))
}
