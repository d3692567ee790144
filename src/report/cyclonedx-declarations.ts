import type { Audit, AuditedClaim, AuditedPath } from '../audit/audit.ts'
import { basisWords, paths as countOf, cut, dateOf, signerOf, textOf } from './text.ts'

/** The verdicts of an audit in CycloneDX's words. */
export interface Declared {
  /** Who asserts what of which component, and by what evidence. */
  readonly declarations: object
  /** The policy as a standard. */
  readonly definitions: object
}

const ASSESSOR = 'assessor'

/**
 * One claim for each path: that it is trusted, or, as a counter-claim, that it is refused. Each
 * rests on evidence, which is listed once: a key in a role, an exemption, or what is missing. The
 * attestation maps the claims to the rules that decided. Commits are targets of their own, with
 * claims about who approved them. `refs`: the identifiers of the paths.
 */
export function declarationsOf(audit: Audit, refs: readonly string[]): Declared {
  const rules = new Map<string, Ruling>()
  const evidence = new Map<string, object>()
  const claims = audit.paths.map((path, place) => {
    const ruling = rulingOf(path, rules)
    const ref = `claim-${place}`
    const list = path.outcome === 'trusted' ? ruling.claims : ruling.counterClaims
    list.push(ref)
    return {
      'bom-ref': ref,
      target: refs[place],
      predicate: path.outcome === 'trusted' ? 'is trusted' : 'is refused',
      reasoning:
        path.outcome === 'trusted' ? basisWords(audit, path) : cut(path.message ?? 'it is not known why'),
      evidence: evidenceOf(audit, path, evidence),
    }
  })
  const commits = commitClaims(audit, evidence)
  const trusted = audit.paths.filter(({ outcome }) => outcome === 'trusted').length
  return {
    declarations: {
      assessors: [
        {
          'bom-ref': ASSESSOR,
          thirdParty: false,
          organization: { name: `nixsig on ${textOf(audit.machine.name, 200)}` },
        },
      ],
      attestations: [
        {
          summary: `${trusted} of ${countOf(audit.paths.length)} are trusted`,
          assessor: ASSESSOR,
          map: [...rules.values()].map(conformanceOf),
        },
        {
          summary: 'Who approved the commits from which it was evaluated',
          assessor: ASSESSOR,
          map: commits.length === 0 ? [] : [{ claims: commits.map(claim => claim['bom-ref']) }],
        },
      ],
      claims: [...claims, ...commits],
      evidence: [...evidence.values()],
      targets: {
        components: audit.expressions.map(({ url, revision }, index) => ({
          type: 'file',
          'bom-ref': `commit-${index}`,
          name: textOf(url),
          version: textOf(revision, 80),
        })),
      },
    },
    definitions: { standards: [standardOf(audit, [...rules.values()])] },
  }
}

/** A rule of the policy, or what decided where none did. */
interface Ruling {
  readonly ref: string
  readonly identifier: string
  readonly text: string
  readonly claims: string[]
  readonly counterClaims: string[]
}

function rulingOf({ rule, ground }: AuditedPath, rules: Map<string, Ruling>): Ruling {
  const key = JSON.stringify([rule ?? null, ground])
  const found = rules.get(key)
  if (found !== undefined) return found
  const title = rule === undefined ? undefined : textOf(rule, 120)
  const made = {
    ref: `rule-${rules.size + 1}`,
    identifier: title ?? ground,
    text: title === undefined ? `Whatever the rules say: ${ground}` : `The rule "${title}" of the policy`,
    claims: [],
    counterClaims: [],
  }
  rules.set(key, made)
  return made
}

function conformanceOf({ ref, claims, counterClaims }: Ruling): object {
  const total = claims.length + counterClaims.length
  return {
    requirement: ref,
    claims,
    counterClaims,
    conformance: {
      score: Math.round((claims.length / total) * 10_000) / 10_000,
      rationale: `${claims.length} of ${countOf(total)} that it decided are trusted`,
    },
  }
}

function standardOf({ policy }: Audit, rules: readonly Ruling[]): object {
  return {
    'bom-ref': 'policy',
    name: `The policy ${textOf(policy.file)}`,
    version: textOf(policy.digest, 80),
    requirements: rules.map(({ ref, identifier, text }) => ({ 'bom-ref': ref, identifier, text })),
  }
}

/** References to what a verdict rests on, which is put to the evidence when it is first met. */
function evidenceOf(audit: Audit, path: AuditedPath, evidence: Map<string, object>): readonly string[] {
  if (path.group !== undefined) return [missing(audit, path.group, evidence)]
  if (path.exemption !== undefined) return [exempting(audit, path.exemption, evidence)]
  return signatures(audit, path.claims, evidence)
}

function signatures(
  audit: Audit,
  claims: readonly AuditedClaim[],
  evidence: Map<string, object>,
): readonly string[] {
  const refs = claims.slice(0, 20).map(({ key, role }) => {
    const ref = `signatures-${key}-${role}`
    if (!evidence.has(ref)) {
      const { identity = '', until, isRevoked = false } = audit.keys[key] ?? {}
      const signer = signerOf(audit, key)
      evidence.set(ref, {
        'bom-ref': ref,
        propertyName: 'nixsig:signature',
        description: `Signatures by ${signer} as ${role}${isRevoked ? ', with a key that is revoked' : ''}`,
        data: [{ name: 'key', contents: { attachment: { content: textOf(identity, 260) } } }],
        ...expiring(until),
        author: { name: signer },
      })
    }
    return ref
  })
  return [...new Set(refs)]
}

function exempting({ exemptions }: Audit, index: number, evidence: Map<string, object>): string {
  const ref = `exemption-${index}`
  const exemption = exemptions[index]
  if (!evidence.has(ref) && exemption !== undefined) {
    const { author, line, reason, until } = exemption
    evidence.set(ref, {
      'bom-ref': ref,
      propertyName: 'nixsig:exemption',
      description: `Exempted by line ${line} of the policy: ${textOf(reason)}`,
      ...expiring(until),
      ...(author === undefined ? {} : { author: { name: textOf(author, 120) } }),
    })
  }
  return ref
}

function missing({ groups }: Audit, index: number, evidence: Map<string, object>): string {
  const ref = `missing-${index}`
  const group = groups[index]
  if (!evidence.has(ref) && group !== undefined) {
    const { code, title, next } = group
    evidence.set(ref, {
      'bom-ref': ref,
      propertyName: 'nixsig:missing',
      description: `${code}: ${cut(title)}. Next: ${cut(next)}`,
    })
  }
  return ref
}

function expiring(until: number | undefined): { readonly expires?: string } {
  const expires = dateOf(until)
  return expires === undefined ? {} : { expires }
}

function commitClaims(audit: Audit, evidence: Map<string, object>) {
  return audit.expressions.map(({ signers, claims, covers }, index) => ({
    'bom-ref': `commit-claim-${index}`,
    target: `commit-${index}`,
    predicate: claims.length === 0 ? 'is approved by nobody whose key is known' : 'is approved',
    reasoning: `${countOf(covers.length)} of the audit are evaluated from it; ${signedBy(signers)}`,
    evidence: signatures(audit, claims, evidence),
  }))
}

function signedBy(signers: readonly string[]): string {
  const names = signers.slice(0, 20).map(name => textOf(name, 120))
  return names.length === 0
    ? 'its approvers name nobody who signed it'
    : `its approvers say that it is signed by ${names.join(', ')}`
}
