import { counted } from '../primitives/counted.ts'
import { BY_ROOT } from '../primitives/next-step.ts'
import { printable } from '../primitives/printable.ts'
import { ITS_DEVELOPERS } from './policy.ts'
import type { Finding, Need, Refusal, Side, Stray } from './verdict.ts'
import { ASPECT_WORDS, KIND_WORDS, list, pathWord, roleWords, when, whoWord, word } from './words.ts'

/** How many names, signers or details one finding lists. */
const NAMES = 6
/**
 * How deeply a refusal is followed through inputs of inputs, and how many reasons are given for one
 * input.
 */
const DEPTH = 3
const INPUT_FINDINGS = 2
/** How many addresses of a source are told. */
const URLS = 2
const DAY = 24 * 3600

/**
 * One reason against a path, without the path and the rule: `needs 2 of 3 packagers for its source,
 * found 1 (alice)`.
 */
export function findingWords(finding: Finding): string {
  return reason(finding, DEPTH)
}

/** Something that was found but is not evidence. */
export function strayWords({ problem, origin, detail }: Stray): string {
  return `${STRAYS[problem]} (${word(detail)}, in ${word(origin)})`
}

const STRAYS: Readonly<Record<Stray['problem'], string>> = {
  'unknown-signer': 'a signer who is not in the trusted list',
  'bad-signature': 'a signature that does not verify',
  'expired-signature': 'a signature that is past its date',
  'revoked-key': 'a signature by a key that revoked itself',
  'other-subject': 'a signature for another path',
  unreadable: 'a signature that cannot be read',
  'no-answer': 'a binary cache that did not answer',
  'unread-answer': 'a binary cache whose answer cannot be read',
  'other-word': 'a binary cache that says something else, which no listed key signed',
  unused: 'a signature that nothing asks for',
  'other-contents': 'a derivation that declares other contents',
}

function reason(finding: Finding, depth: number): string {
  switch (finding.code) {
    case 'unsigned':
      return finding.need.who === 'self'
        ? needWords(finding.need)
        : `${needWords(finding.need)}, found no signature${finding.isDiscounted ? ' that counts' : ''}`
    case 'unknown-signer':
      return `${needWords(finding.need)}, found only signers who are not ${finding.need.by?.length ? 'among them' : 'in the trusted list'} (${details(finding.strays)})`
    case 'threshold':
      return `${needWords(finding.need)}, found ${foundWords(finding.found)}`
    case 'bad-signature':
      return `found ${strayWords(finding.stray)}`
    case 'not-a-signature':
      return `it is named as a signature but is not one (${printable(finding.detail, 300)})`
    case 'wrong-digest':
      return `${whoWord(finding.who)} signed other contents (${attestedWords(finding)})`
    case 'conflict':
      return `builders disagree: ${whoWord(finding.who)} attested other contents (${attestedWords(finding)}) than the ones judged here (sha256:${word(finding.judged)})`
    case 'disagreement':
      return disagreementWords(finding.sides)
    case 'altered':
      return `what lies on the disk (sha256:${word(finding.found)}) is not what Nix registered (sha256:${word(finding.registered)}): ${BY_ROOT}, repair it (nix-store --repair-path ${pathWord(finding.path)}), or delete it and have it made again`
    case 'references':
      return referencesWords(finding)
    case 'unvouched-references':
      return `nobody whose word counts has signed what it refers to, and its contents do not tell (${printable(finding.detail, 300)})`
    case 'revoked':
    case 'expired':
    case 'not-yet-valid':
      return standingWords(finding)
    case 'not-logged':
      return unloggedWords(finding)
    case 'no-developer':
      return noDeveloperWords(finding)
    case 'ended-list':
      return endedListWords(finding)
    case 'missing-list':
      return `the list ${word(finding.list)} is not here (${printable(finding.detail, 200)}): ${BY_ROOT}, take it in with "nixsig trust update ${word(finding.list)}"`
    case 'refused-by-rule':
      return 'the rule refuses it, whoever signed'
    case 'no-input-rule':
      return `no url of [[inputs]] in the policy matches ${pathWord(finding.url)}`
    case 'unknown-derivation':
      return unknownWords(finding.unvouched, depth)
    case 'unsupported-derivation':
      return `it is ${word(finding.what)}, a kind that cannot be judged`
    case 'unreadable':
      return `${word(finding.trouble.origin)}: ${printable(finding.trouble.detail, 300)}`
    case 'input':
      return inputWords(finding.verdict, depth)
  }
}

/** `needs 2 of 3 packagers as packager for its source`. */
function needWords({ who, role, threshold, of, aspect, by = [] }: Need): string {
  if (who === 'self' && role !== 'approver') return 'needs to be built by this machine'
  if (who === ITS_DEVELOPERS) {
    const some = threshold > 1 ? `${threshold} of ` : 'one of '
    const people = by.length === 0 ? '' : ` (${list(by.map(whoWord), NAMES)})`
    return `needs ${of > 1 ? some : ''}its developers${people}${roleWords(role)} for ${ASPECT_WORDS[aspect]}`
  }
  const count = of === 1 ? '' : `${threshold} of ${of} `
  return `needs ${count}${whoWord(who)}${roleWords(role)} for ${ASPECT_WORDS[aspect]}`
}

function noDeveloperWords(finding: Extract<Finding, { code: 'no-developer' }>): string {
  const { need, name, urls, lists, silent } = finding
  const asked = lists.length === 0 ? 'no list was asked' : `asked ${list(lists.map(word), NAMES)}`
  const unasked = silent.map(
    ({ list: one, lacks }) =>
      `[lists.${word(one)}] may not speak ${lacks === 'role' ? 'for developers' : 'of this name'}`,
  )
  const where =
    urls.length === 0
      ? 'whose address (http, https, ftp or mirror) is not known'
      : `from ${list(urls.map(pathWord), URLS)}`
  const nobody = lists.length === 0 ? 'nothing names' : 'no list names'
  return `needs its developers${roleWords(need.role)} for ${ASPECT_WORDS[need.aspect]}, and ${nobody} a developer of ${word(name)} ${where} (${list([asked, ...unasked], NAMES, '; ')})`
}

function endedListWords({
  list: name,
  since,
  until,
  seen,
  age,
}: Extract<Finding, { code: 'ended-list' }>): string {
  const days = Math.floor(age / DAY)
  const grace = until > since ? `, and its grace ${when(until)}` : ''
  return `the list ${word(name)} ended ${when(since)}${grace}; its last good state is ${days === 1 ? '1 day' : `${days} days`} old (${when(seen)}): ${BY_ROOT}, take in a newer one with "nixsig trust update ${word(name)}"`
}

function foundWords(found: readonly string[]): string {
  return found.length === 0
    ? '0 (a group in it has too few of its own)'
    : `${found.length} (${list(found.map(whoWord), NAMES)})`
}

function details(strays: readonly Stray[]): string {
  return list([...new Set(strays.map(stray => word(stray.detail)))], NAMES)
}

function attestedWords({ attested, origin }: { readonly attested: string; readonly origin: string }): string {
  return `sha256:${word(attested)}, in ${word(origin)}`
}

/**
 * A disagreement of binary caches: shows the NAR hashes if they differ; otherwise the references or
 * the names do.
 */
function disagreementWords(sides: readonly Side[]): string {
  const says = sides.map(
    ({ who, path, narHash, narSize }) =>
      `${word(who)} says sha256:${word(narHash)} of ${narSize} bytes${path === sides[0]?.path ? '' : ` for ${pathWord(path)}`}`,
  )
  const alike = new Set(sides.map(({ path, narHash, narSize }) => `${path} ${narHash} ${narSize}`)).size === 1
  return `binary caches disagree: ${list(says, NAMES)}${alike ? ', and that it refers to other paths' : ''}`
}

function referencesWords(finding: Extract<Finding, { code: 'references' }>): string {
  const { upstream, added, missing, by } = finding
  const truth = by === undefined ? 'its contents do' : `${whoWord(by.who)} signed (in ${word(by.origin)})`
  const differences = [
    added.length === 0 ? undefined : `adds ${list(added.map(pathWord), NAMES)}`,
    missing.length === 0 ? undefined : `leaves out ${list(missing.map(pathWord), NAMES)}`,
  ].filter(difference => difference !== undefined)
  return `${word(upstream)} says that it refers to other paths than ${truth}: ${differences.join(' and ')}`
}

function unloggedWords(finding: Extract<Finding, { code: 'not-logged' }>): string {
  const { who, quorum, threshold, of, found, standing, origin } = finding
  const needed = of === 0 ? 'a log' : `${threshold} of ${counted(of, 'witness', 'witnesses')}`
  const seen =
    found.length === 0 ? `0 of ${of}` : `${found.length} of ${of} (${list(found.map(word), NAMES)})`
  const what =
    standing === undefined
      ? 'no proof'
      : standing.outcome === 'wrong'
        ? `no proof that holds (${printable(standing.detail ?? '', 300)})`
        : seen
  return `signed by ${whoWord(who)}, but not proven to be logged: needs the quorum ${word(quorum)}: ${needed}; found: ${what} (in ${word(origin)})`
}

function standingWords(finding: Extract<Finding, { code: 'revoked' | 'expired' | 'not-yet-valid' }>): string {
  const who = word(finding.who)
  if (finding.code === 'not-yet-valid') return `the key of ${who} is not valid before ${when(finding.at)}`
  if (finding.code === 'expired') {
    if (finding.at === undefined) return `the key or signature of ${who} is past its date`
    return finding.signedAt === undefined
      ? `the key of ${who} is past its date, ${when(finding.at)}`
      : `the key of ${who} ended ${when(finding.at)}, after this was signed (${when(finding.signedAt)}, by the signer's own word), and the rule accepts no key that ended`
  }
  const since = finding.since === undefined ? '' : ` since ${when(finding.since)}`
  const why = finding.reason === undefined ? '' : ` (${word(finding.reason)})`
  return `the key of ${who} is revoked${since}${why}`
}

function unknownWords([first]: readonly Refusal[], depth: number): string {
  const so = 'so what it was built from cannot be judged'
  if (first === undefined) return `its derivation is not in this store, ${so}`
  const derivation = `nobody stands for the derivation that makes it, ${pathWord(first.path)}`
  if (depth <= 0) return `${derivation}, ${so}`
  const reasons = [...new Set(first.findings.map(finding => reason(finding, depth - 1)))]
  return `${derivation} (${list(reasons, INPUT_FINDINGS, '; ')}), ${so}`
}

function inputWords({ path, kind, findings }: Refusal, depth: number): string {
  const input = `its input ${pathWord(path)} (${KIND_WORDS[kind]}) is refused`
  if (depth <= 0) return input
  const reasons = [...new Set(findings.map(finding => reason(finding, depth - 1)))]
  return `${input}: ${list(reasons, INPUT_FINDINGS, '; ')}`
}
