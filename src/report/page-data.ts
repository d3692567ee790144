/** An audit as the page reads it: escaped, with the layers of its graph. Pure. */
import type { Audit, AuditedClaim, AuditedPath } from '../audit/audit.ts'
import { endingName, labelsOfEnding } from '../audit/ending-name.ts'
import type { GroundKind } from '../policy/verdict.ts'
import { printable, printableAgain } from '../primitives/printable.ts'
import { layersOf, waysFrom } from './layers.ts'
import type { PageClaim, PageData, PagePath, Standing } from './page-shape.ts'

/** Store paths may have 211 characters after the hash, and each may take 8 when it is escaped. */
const LIMIT = 400
/** A refusal names several paths and people. */
const WORDED_LIMIT = 4_000

/** Everything that the page shows. */
export function pageData(audit: Audit): PageData {
  return {
    time: audit.time,
    made: `nixsig ${text(audit.version)}, policy ${text(audit.policy.file)} (${audit.policy.mode}, ${audit.policy.digest.slice(0, 12)})`,
    paths: pagePaths(audit),
    expressions: audit.expressions.map(
      ({ url, revision, signers, committers, reviewers, claims, covers }) => ({
        url: text(url),
        revision: text(revision),
        signers: signers.map(text),
        committers: committers.map(text),
        reviewers: reviewers.map(text),
        claims: claims.map(pageClaim),
        covers,
      }),
    ),
    keys: audit.keys.map(({ identity, label, principal, until, isRevoked, falls }) => ({
      identity: text(identity),
      label: text(label),
      ...known({ principal, until, isRevoked: flag(isRevoked) }),
      falls,
    })),
    principals: audit.principals.map(({ name, list, roles, keys, falls }) => ({
      name: text(name),
      ...known({ list: textOf(list) }),
      roles,
      keys,
      falls,
    })),
    groups: audit.groups.map(({ code, title, next, paths }) => ({
      code,
      title: worded(title),
      next: worded(next),
      paths,
    })),
    shares: audit.shares.map(({ kind, role, signed, total }) => ({
      kind: kind.replace('-', ' '),
      role,
      signed,
      total,
    })),
    ...endings(audit),
    disk: diskOf(audit),
  }
}

function endings(audit: Audit): Pick<PageData, 'exemptions' | 'ends'> {
  const { exemptions, ends } = audit
  const labelOf = labelsOfEnding(audit)
  return {
    exemptions: exemptions.map(({ line, reason, author, until, paths }) => ({
      line,
      reason: text(reason),
      ...known({ author: textOf(author) }),
      until,
      paths,
    })),
    ends: ends.map(ending => ({
      name: endingName(ending, labelOf(ending)),
      at: ending.at,
      falls: ending.falls,
    })),
  }
}

const UNREADABLE = 'cannot be read'

function diskOf({ disk, asked }: Audit): PageData['disk'] {
  return {
    wasRead: asked.contents,
    unregistered: disk.unregistered.map(({ name, size }) => ({ name: text(name), ...known({ size }) })),
    differing: disk.differing.map(({ path, registered, found }) => ({
      path,
      registered: text(registered),
      found: found === undefined ? UNREADABLE : text(found),
    })),
    missing: disk.missing,
    isCut: disk.isCut,
  }
}

function pagePaths(audit: Audit): readonly PagePath[] {
  const needs = audit.paths.map(needsOf)
  const layers = layersOf(needs)
  const roots = new Set(audit.asked.roots)
  const isNeeded = new Set(needs.flat())
  const ways = waysFrom(
    audit.paths.flatMap(({ path, part }, index) =>
      // Of a whole store every path was asked for, which says nothing of why it is there.
      (audit.asked.kind !== 'store' && roots.has(path)) || (part === 'closure' && !isNeeded.has(index))
        ? [index]
        : [],
    ),
    needs,
  )
  return audit.paths.map((path, index) => pagePath(path, layers[index] ?? 0, ways[index]))
}

/** What a path cannot do without: what it refers to, and what it was made of. */
function needsOf({ references, derivation, inputs }: AuditedPath): readonly number[] {
  return [...references, ...(derivation === undefined ? [] : [derivation]), ...inputs]
}

function pagePath(audited: AuditedPath, layer: number, via: number | undefined): PagePath {
  const { path, kind, part, narHash, narSize, references, derivation, inputs, ground, rule } = audited
  const { exemption, group, because, message, claims, builtHere, letIn, until, registered } = audited
  return {
    path: text(path),
    name: text(nameOf(path)),
    kind: kind.replace('-', ' '),
    isAsked: part === 'closure',
    size: narSize,
    references,
    layer,
    standing: standingOf(audited),
    rule: rule === undefined ? GROUNDS[ground] : text(rule),
    ...known({
      hash: textOf(narHash),
      via,
      derivation,
      inputs: inputs.length === 0 ? undefined : inputs,
      exemption,
      group,
      because: textOf(because),
      message: message === undefined ? undefined : worded(withoutStep(message)),
      claims: claims.length === 0 ? undefined : claims.map(pageClaim),
      isBuiltHere: flag(builtHere),
      isLetIn: flag(letIn),
      until,
      registered,
    }),
  }
}

/** A refusal without the command that explains it: the page has the step of its group, and the rest. */
function withoutStep(message: string): string {
  return message.replace(/; next: nixsig explain .*$/, '')
}

/** How a path stands, in one word. */
export function standingOf({ outcome, basis }: Pick<AuditedPath, 'outcome' | 'basis'>): Standing {
  if (outcome === 'untrusted') return 'refused'
  if (outcome === 'indeterminate') return 'undecided'
  if (basis === 'exemption') return 'exempt'
  return basis === 'no-requirement' ? 'unasked' : 'trusted'
}

const GROUNDS: Readonly<Record<GroundKind, string>> = {
  rule: 'a rule',
  inputs: 'what it was built with',
  making: 'how it was made',
  references: 'what it refers to',
  derivation: 'its kind of derivation',
  caches: 'what binary caches say',
  store: 'the store',
  policy: 'the policy file',
  evidence: 'evidence that cannot be read',
  time: 'want of time',
  log: 'the decision log, which cannot be written',
  fault: 'a fault while judging',
}

function pageClaim({ key, role, graph, origin }: AuditedClaim): PageClaim {
  return { key, role, ...known({ graph: textOf(graph) }), origin: text(origin) }
}

function nameOf(path: string): string {
  const base = path.slice(path.lastIndexOf('/') + 1)
  return base.length > 33 && base[32] === '-' ? base.slice(33) : base
}

const text = (raw: string) => printable(raw, LIMIT)
const textOf = (raw: string | undefined) => (raw === undefined ? undefined : text(raw))

/** Text that was escaped where it was worded. */
const worded = (escaped: string) => printableAgain(escaped, WORDED_LIMIT)

const flag = (is: boolean): true | undefined => (is ? true : undefined)

type Known<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

/** Without what is undefined. */
function known<T extends object>(fields: T): Known<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Known<T>
}
