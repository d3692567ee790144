import type { Audit, AuditedPath } from '../audit/audit.ts'
import { jsonLine } from '../explain/verdict-json.ts'
import { isStorePath, parseStorePath } from '../formats/nix/store-path.ts'
import { refsOf } from './refs.ts'
import { dateOf, packageOf, textOf, uuidOf, verdictWords } from './text.ts'

/** What the document as a whole is about. */
const ROOT = 'SPDXRef-Audit'

const PURPOSE: Readonly<Record<AuditedPath['kind'], string>> = {
  output: 'APPLICATION',
  derivation: 'FILE',
  'fetched-source': 'SOURCE',
  'local-source': 'SOURCE',
}

const COMMENT =
  'Packages are Nix store paths. The SHA-256 of each is that of its NAR (nix-store --dump), its ' +
  'file name is its store path, and its annotation is the verdict of the policy.'

/** When an audit says no date that can be written. */
const NO_DATE = '1970-01-01T00:00:00Z'

/**
 * An audit as a document in SPDX 2.3 JSON, in one line: a package for each path, with its verdict
 * as an annotation, what it refers to, and what it was built from. The same audit gives the same
 * bytes.
 */
export function spdxOf(audit: Audit): string {
  const refs = refsOf(audit, refOf, 'SPDXRef-Other-')
  const name = `nixsig audit of ${textOf(audit.machine.name, 200)}`
  const body = jsonLine({
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    dataLicense: 'CC0-1.0',
    creationInfo: {
      created: dateOf(audit.time) ?? NO_DATE,
      creators: [creatorOf(audit)],
      comment: `${COMMENT} The policy: ${textOf(audit.policy.digest, 80)}.`,
    },
    packages: [rootOf(audit), ...audit.paths.map((path, index) => packageOfPath(audit, path, refs[index]))],
    relationships: relationshipsOf(audit, refs),
  })
  // The namespace is made of the rest, which has no other way into the document than beside it.
  return `{"spdxVersion":"SPDX-2.3","documentNamespace":"urn:uuid:${uuidOf(body)}",${body.slice(1)}`
}

/** Letters, digits, `.` and `-` alone are allowed. */
function refOf(path: string): string | undefined {
  return isStorePath(path) ? `SPDXRef-${parseStorePath(path).digest}` : undefined
}

function creatorOf({ version }: Audit): string {
  return `Tool: nixsig-${textOf(version, 60)}`
}

/** The closure, the store or the system that was asked about. */
function rootOf({ machine, asked }: Audit): object {
  return {
    SPDXID: ROOT,
    name: textOf(machine.name, 200),
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    primaryPackagePurpose: asked.kind === 'system' ? 'OPERATING-SYSTEM' : 'OTHER',
  }
}

function packageOfPath(audit: Audit, path: AuditedPath, ref: string | undefined): object {
  const { name, version } = packageOf(path.path)
  const until = dateOf(path.until)
  return {
    SPDXID: ref,
    name,
    ...(version === undefined ? {} : { versionInfo: version }),
    packageFileName: textOf(path.path, 260),
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    primaryPackagePurpose: PURPOSE[path.kind],
    ...(isSha256(path.narHash) ? { checksums: [{ algorithm: 'SHA256', checksumValue: path.narHash }] } : {}),
    ...(until === undefined ? {} : { validUntilDate: until }),
    annotations: [
      {
        annotationType: 'REVIEW',
        annotator: creatorOf(audit),
        annotationDate: dateOf(audit.time) ?? NO_DATE,
        comment: verdictWords(audit, path),
      },
    ],
  }
}

function isSha256(hash: string | undefined): boolean {
  return hash !== undefined && /^[0-9a-f]{64}$/.test(hash)
}

function relationshipsOf({ paths, asked }: Audit, refs: readonly string[]): readonly object[] {
  const wanted = new Set(asked.roots)
  const relate = (from: string | undefined, relationshipType: string, to: string | undefined) =>
    from === undefined || to === undefined
      ? []
      : [{ spdxElementId: from, relationshipType, relatedSpdxElement: to }]
  return [
    ...relate('SPDXRef-DOCUMENT', 'DESCRIBES', ROOT),
    ...paths.flatMap(({ path, references, inputs, derivation }, place) => {
      const ref = refs[place]
      return [
        ...(wanted.has(path) ? relate(ROOT, 'CONTAINS', ref) : []),
        ...references.flatMap(other => relate(ref, 'DEPENDS_ON', refs[other])),
        ...inputs.flatMap(other => relate(refs[other], 'BUILD_DEPENDENCY_OF', ref)),
        ...(derivation === undefined ? [] : relate(ref, 'GENERATED_FROM', refs[derivation])),
      ]
    }),
  ]
}
