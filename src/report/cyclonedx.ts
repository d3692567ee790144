import type { Audit, AuditedPath } from '../audit/audit.ts'
import type { Recorded } from '../audit/recorded.ts'
import { jsonLine } from '../explain/verdict-json.ts'
import type { FetchedFile } from '../formats/nix/fetched-file.ts'
import { toNix32 } from '../formats/nix/nix32.ts'
import { isStorePath, parseStorePath } from '../formats/nix/store-path.ts'
import { withoutSecrets } from '../formats/without-secrets.ts'
import { fromHex } from '../primitives/hex.ts'
import { type Declared, declarationsOf } from './cyclonedx-declarations.ts'
import { refsOf } from './refs.ts'
import { basisWords, claimWords, cut, dateOf, packageOf, textOf, uuidOf } from './text.ts'

/** What the document as a whole is about. */
const ROOT = 'audit'

/**
 * An audit as a bill of materials in CycloneDX 1.6 JSON, in one line. Properties of store paths are
 * named as nixpkgs does (`nix:…`), those of verdicts `nixsig:…`; the verdicts are claims of its
 * `declarations` as well, with the policy as the standard and its rules as the requirements. The
 * same audit gives the same bytes. `recorded`: of each path of the audit, in their order.
 */
export function cycloneDxOf(audit: Audit, recorded: readonly (Recorded | undefined)[] = []): string {
  const refs = refsOf(audit, path => (isStorePath(path) ? path : undefined), 'path-')
  const declared = declarationsOf(audit, refs)
  const body = jsonLine(bodyOf(audit, { refs, recorded }, declared))
  // The number is that of the rest, which has no other way into the document than beside it.
  const head = `"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:${uuidOf(body)}"`
  return `{${head},"version":1,${body.slice(1)}`
}

interface About {
  /** The identifiers of the paths. */
  readonly refs: readonly string[]
  readonly recorded: readonly (Recorded | undefined)[]
}

function bodyOf(audit: Audit, { refs, recorded }: About, { declarations, definitions }: Declared): object {
  const { paths, version } = audit
  const shown = paths.map(({ path }) => textOf(path, 260))
  const timestamp = dateOf(audit.time)
  return {
    metadata: {
      ...(timestamp === undefined ? {} : { timestamp }),
      tools: { components: [{ type: 'application', name: 'nixsig', version: textOf(version, 60) }] },
      component: rootOf(audit),
      properties: propertiesOf([
        ['nixsig:policy:file', textOf(audit.policy.file)],
        ['nixsig:policy:digest', textOf(audit.policy.digest)],
        ['nixsig:policy:mode', audit.policy.mode],
        ['nixsig:contents', audit.asked.contents ? 'hashed' : 'registered'],
        ['nixsig:unjudged', String(audit.unjudged)],
      ]),
    },
    components: paths.map((path, index) => {
      const properties = [...narInfoOf(path, shown), ...recordedWords(path, recorded[index])]
      return componentOf(audit, path, refs[index] ?? '', properties)
    }),
    dependencies: dependenciesOf(audit, refs),
    declarations,
    definitions,
  }
}

/** The closure, the store or the system that was asked about. */
function rootOf({ machine, asked }: Audit): object {
  const type = asked.kind === 'system' ? 'operating-system' : 'platform'
  return { type, 'bom-ref': ROOT, name: textOf(machine.name, 200) }
}

/** `own`: properties besides those of the verdict. */
function componentOf(audit: Audit, path: AuditedPath, ref: string, own: readonly Property[]): object {
  const { name, version } = packageOf(path.path)
  return {
    type: path.kind === 'output' ? 'application' : 'file',
    'bom-ref': ref,
    name,
    ...(version === undefined ? {} : { version }),
    properties: propertiesOf([...own, ...verdictOf(audit, path)]),
  }
}

type Property = readonly [name: string, value: string | undefined]

/**
 * Names: nixpkgs' manual, "CycloneDX". Values as in a narinfo file, but whole paths. `shown`: the
 * paths of the audit, escaped.
 */
function narInfoOf(path: AuditedPath, shown: readonly string[]): readonly Property[] {
  const pathOf = (place: number) => shown[place] ?? ''
  const { derivation, references, narHash } = path
  const whole = textOf(path.path, 260)
  return [
    ['nix:store_path', whole],
    ['nix:narinfo:store_path', whole],
    ['nix:narinfo:nar_hash', narHash === undefined ? undefined : nix32Of(narHash)],
    ['nix:narinfo:nar_size', narHash === undefined ? undefined : String(path.narSize)],
    ['nix:narinfo:deriver', derivation === undefined ? undefined : pathOf(derivation)],
    ['nix:narinfo:references', references.length === 0 ? undefined : references.map(pathOf).join(' ')],
  ]
}

/** The most signatures of one path: whoever may add some may add any number. */
const SIGNATURES = 20

/** `nix:fod` needs a method of nixpkgs with which the source can be fetched again. */
function recordedWords({ path }: AuditedPath, recorded: Recorded | undefined): readonly Property[] {
  if (recorded === undefined) return []
  const { contentAddress, signatures, fetched } = recorded
  return [
    ['nix:narinfo:ca', contentAddress === undefined ? undefined : textOf(contentAddress, 200)],
    ...signatures.slice(0, SIGNATURES).map((one): Property => ['nix:narinfo:sig', textOf(one)]),
    ...(fetched === undefined ? [] : fetchedWords(path, fetched)),
  ]
}

function fetchedWords(path: string, { url, sha256 }: FetchedFile): readonly Property[] {
  return [
    ['nix:fod:method', 'fetchurl'],
    ['nix:fod:name', isStorePath(path) ? parseStorePath(path).name : undefined],
    ['nix:fod:url', textOf(withoutSecrets(url), 1_024)],
    ['nix:fod:sha256', toNix32(fromHex(sha256))],
  ]
}

function nix32Of(hex: string): string | undefined {
  return /^[0-9a-f]{64}$/.test(hex) ? `sha256:${toNix32(fromHex(hex))}` : undefined
}

function verdictOf(audit: Audit, path: AuditedPath): readonly Property[] {
  const { outcome, rule, group, message, until, claims } = path
  const signed = new Set(claims.slice(0, 20).map(claim => claimWords(audit, claim)))
  const isTrusted = outcome === 'trusted'
  return [
    ['nixsig:kind', path.kind],
    ['nixsig:part', path.part],
    ['nixsig:outcome', outcome],
    ['nixsig:rule', rule === undefined ? undefined : textOf(rule, 120)],
    ['nixsig:basis', isTrusted ? basisWords(audit, path) : undefined],
    ['nixsig:missing', group === undefined ? undefined : audit.groups[group]?.code],
    ['nixsig:message', isTrusted || message === undefined ? undefined : cut(message)],
    ['nixsig:let_in', path.letIn ? 'true' : undefined],
    ['nixsig:built_here', path.builtHere ? 'true' : undefined],
    ['nixsig:until', dateOf(until)],
    ['nixsig:registered', dateOf(path.registered)],
    ...[...signed].map((words): Property => ['nixsig:signature', words]),
  ]
}

/** Those that have a value. */
function propertiesOf(all: readonly Property[]): readonly object[] {
  return all.flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]))
}

/** What a path refers to, and of a derivation what it is built from. */
function dependenciesOf({ paths, asked }: Audit, refs: readonly string[]): readonly object[] {
  const refOf = (places: readonly number[]) => places.flatMap(place => refs[place] ?? [])
  const wanted = new Set(asked.roots)
  const roots = paths.flatMap(({ path }, place) => (wanted.has(path) ? [place] : []))
  return [
    { ref: ROOT, dependsOn: refOf(roots) },
    ...paths.map(({ references, inputs }, place) => ({
      ref: refs[place],
      dependsOn: refOf([...new Set([...references, ...inputs])]),
    })),
  ]
}
