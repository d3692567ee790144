/** Signatures in notes: git-sig's lines and nixsig's own. */
import { openEnvelope, type StraySignature } from '../crypto/envelope.ts'
import { keyIdOf } from '../crypto/envelope-keys.ts'
import { parsingCost, WorkLimitError } from '../crypto/work.ts'
import { envelopeStray } from '../evidence/envelope-stray.ts'
import { gitSigBody, isGitSigLine, parseGitSigLine } from '../formats/git-sig.ts'
import { type Envelope, type EnvelopeSignature, pae, parseEnvelope } from '../formats/in-toto/dsse.ts'
import { signerUri } from '../formats/in-toto/predicates.ts'
import { parseRevisionStatement } from '../formats/in-toto/revision-statement.ts'
import { isText } from '../formats/openpgp/armor.ts'
import { type OpenPgpSignature, parseDetachedSignatures } from '../formats/openpgp/signature.ts'
import { GIT_SIG_NOTES, NIXSIG_NOTES, notesOf, notesTree } from '../git/notes.ts'
import type { Claim } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { bareSignature } from './bare-signature.ts'
import { standingOf } from './openpgp-candidates.ts'
import { type Found, type RevisionSignature, type Search, strayOnly } from './revision.ts'

/** Lines of one note that cannot be read, or do not count, and are reported one by one. */
const REPORT_LIMIT = 100

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
    const { signatures: worth, strays: bad } = await worthOpening(envelope, search)
    const opened = await openEnvelope({ ...envelope, signatures: worth }, ring, work)
    const strays = [...bad, ...opened.strays].map(stray => envelopeStray(stray, origin))
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

/**
 * The signatures of an envelope without those that name a listed OpenPGP key, and either were not
 * made by it, or were verified before. Rejects with WorkLimitError.
 */
async function worthOpening(
  { payloadType, payload, signatures }: Envelope,
  search: Search,
): Promise<{
  readonly signatures: readonly EnvelopeSignature[]
  readonly strays: readonly StraySignature[]
}> {
  const worth: EnvelopeSignature[] = []
  const strays: StraySignature[] = []
  for (const each of signatures) {
    const key = search.ring.byKeyId.get(each.keyid)?.find(({ form }) => form === 'openpgp')?.key
    const parsed = key?.kind === 'openpgp' ? packetsIn(each.signature) : undefined
    if (key?.kind !== 'openpgp' || parsed === undefined) {
      worth.push(each)
      continue
    }
    const text = { signature: parsed, payload: pae(payloadType, payload) }
    const standing = await standingOf(text, search.packetsOf(key), search)
    if (standing === 'to-verify') worth.push(each)
    else if (standing !== 'verified-before') strays.push({ problem: 'bad-signature', keyid: each.keyid })
  }
  return { signatures: worth, strays }
}

/** The one packet of a binary signature; undefined if it is anything else, which costs nothing. */
function packetsIn(signature: Uint8Array): OpenPgpSignature | undefined {
  try {
    const [first, another] = isText(signature) ? [] : parseDetachedSignatures(signature)
    return another === undefined ? first : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
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
  { repository, revision, ring }: Search,
  ref: string,
  read: (line: string, origin: string) => Promise<Found | undefined>,
): AsyncGenerator<Found> {
  const head = repository.refs.get(ref)
  if (head === undefined) return
  const tree = await notesTree(repository, head.id)
  const ids = [revision.commit, ...ring.byKeyId.keys()]
  for (const note of await notesOf(repository, tree, revision.commit)) {
    if ('problem' in note) {
      yield strayOnly('unreadable', ref, note.problem)
      continue
    }
    const text = Buffer.from(note.bytes).toString('utf8')
    const lines = [...new Set(text.split('\n').filter(line => line !== ''))].map((line, index) => ({
      line,
      index,
      origin: `${ref}, signature ${index + 1}`,
      isNamed: ids.some(id => line.includes(id)),
    }))
    // First what names this commit or a listed key, the shortest of it first: junk is cheap to make.
    lines.sort((a, b) => Number(b.isNamed) - Number(a.isNamed) || a.line.length - b.line.length)
    let reported = 0
    const { found, ended } = await readAll(lines, read)
    for (const each of found) {
      const { claims, troubles } = each.evidence
      const counts = claims.length > 0 || troubles.length > 0
      if (!counts) reported++
      if (counts || reported <= REPORT_LIMIT) yield each
    }
    if (reported > REPORT_LIMIT) {
      const more = `${reported - REPORT_LIMIT} more lines that do not count`
      yield strayOnly('unreadable', ref, more)
    }
    if (ended !== undefined) throw ended
  }
}

interface Line {
  readonly line: string
  readonly origin: string
}

/** What lines yield, in the order of the note; `ended`: the work was used up before the last one. */
async function readAll(
  lines: readonly (Line & { readonly index: number })[],
  read: (line: string, origin: string) => Promise<Found | undefined>,
): Promise<{ readonly found: readonly Found[]; readonly ended?: WorkLimitError }> {
  const found: { readonly index: number; readonly each: Found }[] = []
  const inOrder = () => found.sort((a, b) => a.index - b.index).map(({ each }) => each)
  try {
    for (const { line, origin, index } of lines) {
      const each = await orReported(origin, () => read(line, origin))
      if (each !== undefined) found.push({ index, each })
    }
    return { found: inOrder() }
  } catch (error) {
    if (!(error instanceof WorkLimitError)) throw error
    return { found: inOrder(), ended: error }
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
