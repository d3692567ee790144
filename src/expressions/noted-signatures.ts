/** Signatures in notes: git-sig's lines and nixsig's own. */
import { openEnvelope } from '../crypto/envelope.ts'
import { keyIdOf } from '../crypto/envelope-keys.ts'
import { parsingCost } from '../crypto/work.ts'
import { envelopeStray } from '../evidence/envelope-stray.ts'
import { gitSigBody, isGitSigLine, parseGitSigLine } from '../formats/git-sig.ts'
import { parseEnvelope } from '../formats/in-toto/dsse.ts'
import { signerUri } from '../formats/in-toto/predicates.ts'
import { parseRevisionStatement } from '../formats/in-toto/revision-statement.ts'
import { isText } from '../formats/openpgp/armor.ts'
import { parseDetachedSignatures } from '../formats/openpgp/signature.ts'
import { GIT_SIG_NOTES, NIXSIG_NOTES, notesOf, notesTree } from '../git/notes.ts'
import type { Claim } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { bareSignature } from './bare-signature.ts'
import { type Found, type RevisionSignature, type Search, strayOnly } from './revision.ts'

/** Lines of the notes of one commit that are looked at. */
const LINE_LIMIT = 5000

/** The signatures in git-sig's notes of the commit. */
export function gitSigSignatures(search: Search): AsyncGenerator<Found> {
  return eachLine(search, GIT_SIG_NOTES, async (line, origin) => {
    if (!isGitSigLine(line)) return undefined
    const parsed = parseGitSigLine(line)
    const other = otherRevision(parsed, search)
    if (other !== undefined) return strayOnly('other-subject', origin, other)
    assertOneOpenPgpSignature(parsed.signature)
    const text = { payload: gitSigBody(parsed), signature: parsed.signature }
    const found = await bareSignature(search, text, { way: 'git-sig', origin })
    const review = parsed.review === undefined ? {} : { review: parsed.review }
    return { ...found, signatures: found.signatures.map(each => ({ ...each, ...review })) }
  })
}

/** The signatures in nixsig's notes of the commit. */
export function nixsigSignatures(search: Search): AsyncGenerator<Found> {
  return eachLine(search, NIXSIG_NOTES, async (line, origin) => {
    const { ring, work } = search
    await work.spend(parsingCost(line))
    const envelope = parseEnvelope(line)
    const opened = await openEnvelope(envelope, ring, work)
    const strays = opened.strays.map(stray => envelopeStray(stray, origin))
    const troubles = opened.undecided.map(detail => ({ origin, detail }))
    const none = { claims: [], strays, troubles }
    if (opened.signers.length === 0) return { evidence: none, signatures: [] }
    const statement = parseRevisionStatement(envelope.payload)
    const other = otherRevision(statement, search)
    if (other !== undefined) {
      const stray = { problem: 'other-subject', origin, detail: other } as const
      return { evidence: { ...none, strays: [...strays, stray] }, signatures: [] }
    }
    const claims: Claim[] = []
    const signatures: RevisionSignature[] = []
    for (const { key, expired, keyEnds: until } of opened.signers) {
      if (statement.signer !== signerUri('verifier', keyIdOf(key))) {
        const detail = `signed by ${key.label}, but as the word of another signer`
        strays.push({ problem: 'unused', origin, detail })
        continue
      }
      const { role, review } = statement
      const end = until === undefined ? {} : { until }
      claims.push({
        key: key.identity,
        role,
        path: search.revision.commit,
        narHash: statement.narHash,
        ...(expired && { expired }),
        ...end,
        origin,
      })
      const covered = review === undefined ? {} : { review }
      signatures.push({ way: 'nixsig', key: key.identity, role, origin, ...covered })
    }
    return { evidence: { claims, strays, troubles }, signatures }
  })
}

/** git-sig's signatures are binary, and one in each line. Throws FormatError. */
function assertOneOpenPgpSignature(signature: Uint8Array): void {
  const count = isText(signature) ? 0 : parseDetachedSignatures(signature).length
  if (count !== 1)
    throw new FormatError('line of git-sig', 'not one binary OpenPGP signature', 'the signature')
}

/** What a line is about, if that is another commit or another tree. */
function otherRevision(
  { commit, tree }: { readonly commit: string; readonly tree: string },
  { revision }: Search,
): string | undefined {
  if (commit !== revision.commit) return `commit ${commit}`
  return tree === revision.tree ? undefined : `tree ${tree}`
}

/**
 * Reads each distinct line of the notes of the commit. What cannot be read is reported and does not
 * count: whoever may write notes can write anything.
 */
async function* eachLine(
  { repository, revision }: Search,
  ref: string,
  read: (line: string, origin: string) => Promise<Found | undefined>,
): AsyncGenerator<Found> {
  const head = repository.refs.get(ref)
  if (head === undefined) return
  const tree = await notesTree(repository, head.id)
  for (const note of await notesOf(repository, tree, revision.commit)) {
    if ('problem' in note) {
      yield strayOnly('unreadable', ref, note.problem)
      continue
    }
    const text = Buffer.from(note.bytes).toString('utf8')
    const lines = [...new Set(text.split('\n').filter(line => line !== ''))]
    if (lines.length > LINE_LIMIT) yield strayOnly('unreadable', ref, `more than ${LINE_LIMIT} lines`)
    for (const [index, line] of lines.slice(0, LINE_LIMIT).entries()) {
      const origin = `${ref}, signature ${index + 1}`
      const found = await orReported(origin, () => read(line, origin))
      if (found !== undefined) yield found
    }
  }
}

async function orReported(
  origin: string,
  step: () => Promise<Found | undefined>,
): Promise<Found | undefined> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof FormatError) return strayOnly('unreadable', origin, error.message)
    throw error
  }
}
