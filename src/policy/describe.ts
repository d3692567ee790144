/** Describes a policy in plain words, for those who are responsible for it. */
import { DETACHED_FORMS } from '../formats/detached/forms.ts'
import { witnessesOf } from '../formats/tlog/tlog-policy.ts'
import type { GateSettings, HttpSettings, UpstreamSettings } from './gate-settings.ts'
import { holderOf } from './key-standing.ts'
import { developersWords, listWords } from './lists/list-words.ts'
import { countQuorum, type LogQuorum } from './log-quorums.ts'
import type {
  Aspect,
  AttestationSource,
  Demand,
  Exemption,
  InputRule,
  Instant,
  Key,
  Policy,
  Requirement,
  Revocation,
  Rule,
  SubjectKind,
} from './policy.ts'
import { KIND_WORDS, list, loggedWords, pathWord, roleWords, when, whoWord, word } from './words.ts'

const ASPECTS: readonly Aspect[] = ['source', 'derivation', 'output']
/** How many members, keys or demands one line lists. */
const NAMES = 20

/** What a description goes by beside the policy. */
export interface Circumstances {
  /** Undefined: exemptions are described whether they are over or not. */
  readonly now?: Instant
  /** The respite in force. */
  readonly respite?: { readonly until: Instant; readonly reason: string } | undefined
}

/** Describes a whole policy in several lines. All names are escaped. */
export function describePolicy(policy: Policy, { now, respite }: Circumstances = {}): string {
  const mode =
    policy.mode === 'enforce'
      ? 'what is not trusted is refused'
      : 'what is not trusted is reported but allowed'
  const places = [...policy.attestations.map(pathWord), ...policy.sources.map(sourceWords)]
  return [
    `mode ${policy.mode}: ${mode}`,
    ...(respite === undefined ? [] : [respiteWords(policy, respite)]),
    `attestations are looked for in: ${places.length === 0 ? 'nowhere' : places.join(', ')}`,
    ...gateLines(policy.gate),
    ...httpLines(policy.http),
    ...(policy.store.sources === 'attested'
      ? ['sources have to be trusted before they may lie in the store']
      : []),
    ...section(
      'people',
      [...policy.principals.values()].map(({ name, keys }) => `${word(name)}: ${keysWords(keys)}`),
    ),
    ...section(
      'groups',
      [...policy.groups.values()].map(
        ({ name, threshold, members }) =>
          `${word(name)}: ${threshold} of ${members.length} (${list(members.map(whoWord), NAMES)})`,
      ),
    ),
    ...section(
      'lists',
      [...policy.lists.values()].map(one => listWords(one, now)),
    ),
    ...section('quorums of logs', [...policy.quorums.values()].map(quorumWords)),
    ...section('developers of sources', policy.developers.map(developersWords)),
    ...section('rules, of which the first that matches decides', [
      ...policy.rules.flatMap(ruleLines),
      ...ruleLines(policy.fallback),
    ]),
    ...section('repositories, of which the first that matches decides', policy.inputs.map(inputWords)),
    ...section(
      'revoked',
      policy.revocations.map(revocation => revocationWords(policy, revocation)),
    ),
    ...section(
      'exempt',
      policy.exemptions.map(exemption => exemptionWords(exemption, now)),
    ),
  ].join('\n')
}

function respiteWords({ mode }: Policy, { until, reason }: NonNullable<Circumstances['respite']>): string {
  const why = reason === '' ? '' : ` (${word(reason)})`
  const what =
    mode === 'warn' ? 'which changes nothing, as the policy only warns' : 'nothing is refused until then'
  return `respite until ${when(until)}${why}: ${what}`
}

function sourceWords({ url, maxAge }: AttestationSource): string {
  return `${pathWord(url)} (asked ${maxAge === 0 ? 'every time' : `after ${maxAge} seconds again`})`
}

/**
 * Lines about the gate; none if no binary cache is listed, because then the gate has nothing to
 * serve.
 */
function gateLines({ listen, upstreams, onRefusal, onNoAnswer, netrcFile }: GateSettings): readonly string[] {
  if (upstreams.length === 0) return []
  const refusal = (way: GateSettings['onRefusal']) =>
    way === 'fail' ? 'Nix fails with the reason' : 'Nix is told that it is not there'
  return [
    `the gate at ${listen.host} port ${listen.port} passes on what is trusted of: ${list(upstreams.map(upstreamWords), NAMES)}`,
    ...(netrcFile === undefined ? [] : [`names and passwords for caches: ${pathWord(netrcFile)}`]),
    `what the gate refuses: ${refusal(onRefusal)}`,
    `what no cache offers while one cannot be asked: ${refusal(onNoAnswer)}`,
  ]
}

function upstreamWords({ url, authorization, priority, client }: UpstreamSettings): string {
  const more = [
    ...(priority === undefined ? [] : [`priority ${priority}`]),
    ...(authorization === undefined ? [] : [`with what ${pathWord(authorization)} holds`]),
    ...(client === undefined ? [] : [`with the certificate ${pathWord(client.certificate)}`]),
  ]
  return more.length === 0 ? pathWord(url) : `${pathWord(url)} (${more.join(', ')})`
}

/** Lines about how other machines are reached; none if that is as anywhere. */
function httpLines({ proxy, proxyAuthorization, noProxy, certificates }: HttpSettings): readonly string[] {
  const secret = proxyAuthorization === undefined ? '' : ` (with what ${pathWord(proxyAuthorization)} holds)`
  const except = noProxy.length === 0 ? '' : `, but not ${list(noProxy.map(word), NAMES)}`
  return [
    ...(proxy === undefined
      ? []
      : [`other machines are reached through the proxy ${pathWord(proxy)}${secret}${except}`]),
    ...(certificates === undefined
      ? []
      : [`servers must have certificates from those in ${pathWord(certificates)}`]),
  ]
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines.map(line => `  ${line}`)]
}

function keysWords(keys: readonly Key[]): string {
  return list(keys.map(keyWords), NAMES)
}

/** A key in words: its form, its name, and what it is limited to. */
export function keyWords(key: Key): string {
  const kind = formWord('form' in key ? key.form : key.kind)
  const from = key.validFrom === undefined ? '' : ` from ${when(key.validFrom)}`
  const until = key.validUntil === undefined ? '' : ` until ${when(key.validUntil)}`
  const what = key.kind === 'sigstore' ? 'identity' : 'key'
  const namespaces = 'namespaces' in key && key.namespaces !== undefined ? key.namespaces : []
  const uses = namespaces.length === 0 ? '' : ` for ${list(namespaces.map(word), NAMES)}`
  return `${kind} ${what} ${word(key.label)}${uses}${from}${until}${powerWords(key)}`
}

/** What certificates by a key may say. */
function powerWords({ certifies, rotates }: Key): string {
  const days = certifies === undefined ? 0 : certifies.forAtMost / 86_400
  const others =
    certifies === undefined
      ? ''
      : `, certifies keys of a ${list(certifies.roles, NAMES)} for at most ${days} days`
  return `${others}${rotates === true ? ', may name its successor' : ''}`
}

/** Key forms that do not belong to one kind of detached signature. */
const SHARED_FORMS: Readonly<Record<string, string>> = { nix: 'Nix', ssh: 'SSH', pem: 'PEM' }

function formWord(form: string): string {
  return SHARED_FORMS[form] ?? DETACHED_FORMS.find(({ kind }) => kind === form)?.title ?? form
}

/** A rule in lines. */
export function ruleLines(rule: Rule): readonly string[] {
  const kinds = rule.title === 'default' ? 'everything else' : matchWords(rule.name, rule.kinds)
  const accepts = [
    ...(rule.acceptGraph ? ['  a packager may vouch for a whole build graph at once'] : []),
    ...(rule.acceptUnknownDerivation ? ['  outputs from elsewhere pass without their derivation'] : []),
    ...(rule.acceptExpiredKey === 'if-signed-before'
      ? ['  keys that ended since count for sources that they say to have signed before']
      : []),
  ]
  const needs = ASPECTS.flatMap(aspect => {
    const requirement = rule.require[aspect]
    return requirement === undefined ? [] : [`  ${aspect}: ${requirementWords(requirement)}`]
  })
  return [`"${word(rule.title)}" (line ${rule.line}): ${kinds}`, ...needs, ...accepts]
}

/** A rule of `[[inputs]]` in words. */
export function inputWords({ title, line, url, require, acceptUnlocked }: InputRule): string {
  const unlocked = acceptUnlocked ? '; it may be unlocked' : ''
  return `"${word(title)}" (line ${line}): a commit of ${word(url)} ${requirementWords(require)}${unlocked}`
}

function matchWords(name: string, kinds: readonly SubjectKind[]): string {
  const named = name === '*' ? '' : ` named ${word(name)}`
  return `${kinds.map(kind => `${KIND_WORDS[kind]}s`).join(', ')}${named}`
}

function requirementWords(requirement: Requirement): string {
  if (requirement.kind === 'nothing') return 'needs nothing'
  if (requirement.kind === 'refuse') return 'is always refused'
  return `needs ${requirement.demands.map(demandWords).join(' and ')}${loggedWords(requirement)}`
}

/** One of `[quorums]` in words. */
export function quorumWords({ name, file, policy: { logs, quorum } }: LogQuorum): string {
  const all = witnessesOf(quorum).map(witness => witness.name)
  const { threshold, of, found } = countQuorum(quorum, all)
  const log = logs.length === 1 ? 'a log' : `one of ${logs.length} logs`
  const witnesses =
    of === 0 ? ', without a witness' : ` and ${threshold} of ${of} (${list(found.map(word), NAMES)})`
  return `${word(name)}: ${log}${witnesses}, by ${pathWord(file)}`
}

function demandWords({ who, role }: Demand): string {
  return whoWord(who) + roleWords(role)
}

/** A revocation in words. */
export function revocationWords(policy: Policy, { target, from, reason }: Revocation): string {
  const why = reason === undefined ? '' : ` (${word(reason)})`
  return `${'key' in target ? ownedKey(policy, target.key) : `all keys of ${word(target.principal)}`} from ${when(from)}${why}`
}

function ownedKey(policy: Policy, identity: string): string {
  const holder = holderOf(policy, identity)
  return holder === undefined ? word(identity) : `${keyWords(holder.key)} of ${word(holder.principal.name)}`
}

/** An exemption in words. */
export function exemptionWords(
  { match, reason, author, until }: Exemption,
  now: Instant | undefined,
): string {
  const what = 'path' in match ? pathWord(match.path) : matchWords(match.name, match.kinds)
  const end =
    now !== undefined && until <= now ? `no more: it is over since ${when(until)}` : `until ${when(until)}`
  const by = author === undefined ? '' : `; by ${word(author)}`
  return `${what} ${end} (${word(reason)}${by})`
}
