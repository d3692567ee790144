/**
 * The language of policy.toml, version 1; docs/policy.md is its reference. It does no I/O: the
 * caller reads the files.
 */
import { isAbsolute, join, normalize } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { printable } from '../../primitives/printable.ts'
import { type CertificateFile, policyDigest } from '../digest.ts'
import type { NixSettings, Policy } from '../policy.ts'
import { readAttestations } from './attestations.ts'
import { readDecisions } from './decisions.ts'
import { readDevelopers } from './developers.ts'
import { readExemptions, readRevocations } from './exceptions.ts'
import { booleanOf, complain, fieldsOf, isTable, listOf, type Node, plainStringOf, wordOf } from './fields.ts'
import { readGate } from './gate.ts'
import { readGroups } from './groups.ts'
import { readHttp } from './http.ts'
import { readApprovals, readInputs } from './inputs.ts'
import { type BookReader, NO_BOOKS, readLists } from './lists.ts'
import { locate } from './locate.ts'
import { PolicyError, type Problem } from './policy-error.ts'
import { type CertificateReader, readPrincipals } from './principals.ts'
import { readDefault, readRules } from './rules.ts'
import { readStore } from './store.ts'

/**
 * Limits on the characters of a policy, the nesting of tables, and the certificate files that it
 * may name.
 */
const POLICY_LIMIT = 1024 * 1024
const DEPTH_LIMIT = 16
const CERTIFICATE_LIMIT = 1000
const USER_LIMIT = 64
const VERSION_LIMIT = 64

/** A policy to parse. */
export interface PolicySource {
  readonly toml: string
  /** The file's name, for messages. */
  readonly file: string
  /** The absolute directory of the policy. Paths of certificates are relative to it. */
  readonly directory: string
  /**
   * Reads a certificate file by its absolute path; called once per file. The message of an
   * exception becomes part of the problem.
   */
  readonly certificate: (path: string) => Uint8Array
  /** Looks up the last state of a list by its name; called once per list. */
  readonly book?: BookReader
}

/** Parses a policy. Throws PolicyError with all problems, each with its line. */
export function parsePolicy(source: PolicySource): Policy {
  const { problems, isWhole: _, digest, certificates, ...draft } = examinePolicy(source)
  const [first, ...rest] = problems
  if (first !== undefined) throw new PolicyError(source.file, [first, ...rest])
  const { mode, fallback } = draft
  if (mode === undefined || fallback === undefined)
    throw new PolicyError(source.file, [{ line: 1, message: 'incomplete' }])
  return { digest, certificates, ...draft, mode, fallback }
}

/** What could be read of a policy, be it valid or not, and everything that is wrong with it. */
export interface ExaminedPolicy extends Omit<Policy, 'mode' | 'fallback'> {
  readonly problems: readonly Problem[]
  /** False if lines that are not TOML were left out. */
  readonly isWhole: boolean
  readonly mode: Policy['mode'] | undefined
  readonly fallback: Policy['fallback'] | undefined
}

/**
 * Reads as much of a policy as can be read, for those who mend it. Nothing may be judged by it
 * while it has a problem. Throws PolicyError if it cannot be read at all.
 */
export function examinePolicy(source: PolicySource): ExaminedPolicy {
  const { root, syntax } = readDocument(source)
  assertSameLanguage(root, source)
  const certificates = new Map<string, CertificateFile>()
  const policy = readPolicy(root, source, certificateReader(source, certificates))
  const found = root.draft.problems
  const isWhole = syntax.length === 0
  return {
    problems: isWhole ? found : [...syntax, ...found.filter(({ alone }) => alone)],
    isWhole,
    digest: policyDigest(
      Buffer.from(source.toml, 'utf8'),
      [...certificates.values()],
      [...policy.lists.values()],
    ),
    certificates: [...certificates.keys()],
    ...policy,
  }
}

/** What could be read of the text, and where it is not TOML. */
interface Document {
  readonly root: Node
  readonly syntax: readonly Problem[]
}

/** Mistakes in TOML that are told. */
const SYNTAX_LIMIT = 20

/**
 * Parses the TOML. A line that is not TOML is left out, so that others can be read. Throws
 * PolicyError where what follows cannot be understood without that line.
 */
function readDocument({ toml, file }: PolicySource): Document {
  const fail = (message: string) => new PolicyError(file, [{ line: 1, message }])
  if (toml.length > POLICY_LIMIT) throw fail(`longer than ${POLICY_LIMIT} characters`)
  if (toml.startsWith('\ufeff')) throw fail('begins with a byte order mark')
  if (/\p{Cs}/u.test(toml)) throw fail('is not well-formed Unicode')
  const syntax: Problem[] = []
  const lines = toml.split('\n')
  for (;;) {
    const text = lines.join('\n')
    const { value, problem, error } = parseToml(text)
    if (problem === undefined)
      return { root: { draft: { toml: text, locate: locate(text), problems: [] }, path: [], value }, syntax }
    const { line } = problem
    // The line before was left out, and this one may have belonged to it.
    const isConsequence = syntax.some(before => line <= before.line + 1)
    if (!isConsequence) syntax.push(problem)
    // A table's header that is missing would put its lines into another table.
    const isNeeded = /^\s*(?:\[|$)/.test(lines[line - 1] ?? '')
    const [first = problem, ...more] = syntax
    if (isConsequence || isNeeded || syntax.length >= SYNTAX_LIMIT)
      throw new PolicyError(file, [first, ...more], { cause: error })
    lines[line - 1] = ''
  }
}

function parseToml(text: string): {
  readonly value?: unknown
  readonly problem?: Problem
  readonly error?: TomlError
} {
  try {
    return { value: parse(text, { integersAsBigInt: true, maxDepth: DEPTH_LIMIT }) }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [problem = ''] = error.message.split('\n', 1)
    const message = `not TOML: ${printable(problem.replace('Invalid TOML document: ', ''))}`
    return { problem: { line: error.line, message }, error }
  }
}

function readPolicy(
  root: Node,
  source: PolicySource,
  certificate: CertificateReader,
): Omit<ExaminedPolicy, 'digest' | 'certificates' | 'problems' | 'isWhole'> {
  if (isTable(root.value)) checkVersion(root, root.value['version'])
  const fields = fieldsOf(
    root,
    ['mode', 'default'],
    [
      'version',
      'attestations',
      'nix',
      'gate',
      'http',
      'store',
      'decisions',
      'principals',
      'groups',
      'approvals',
      'rules',
      'inputs',
      'revocations',
      'exemptions',
      'lists',
      'developers',
    ],
  )
  const mode = wordOf(fields?.mode, ['enforce', 'warn'])
  const lists = readLists(fields?.lists, source.book ?? NO_BOOKS)
  const principals = readPrincipals(fields?.principals, certificate, lists)
  const { groups, names } = readGroups(fields?.groups, { principals, lists })
  const hasDevelopers = fields?.developers !== undefined
  const people = readApprovals(fields?.approvals, { principals, groups, names, lists, hasDevelopers })
  const http = readHttp(fields?.http, path => absolute(source, path))
  const { sources, ...attestations } = readAttestations(fields?.attestations)
  return {
    mode,
    groups,
    fallback: readDefault(fields?.default, people),
    ...attestations,
    sources: fields?.http === undefined ? sources : sources.map(one => ({ ...one, http })),
    nix: readNix(fields?.nix),
    gate: readGate(fields?.gate, path => absolute(source, path)),
    http,
    store: readStore(fields?.store),
    decisions: readDecisions(fields?.decisions, path => absolute(source, path)),
    principals,
    rules: readRules(fields?.rules, people),
    inputs: readInputs(fields?.inputs, people),
    revocations: readRevocations(fields?.revocations, { principals, lists }),
    exemptions: readExemptions(fields?.exemptions),
    lists,
    developers: readDevelopers(fields?.developers, people),
  }
}

/** Of another version nothing else can be said. */
function assertSameLanguage({ value, draft }: Node, { file }: PolicySource): void {
  const version = isTable(value) ? value['version'] : undefined
  if (typeof version !== 'bigint' || version === 1n) return
  const { line } = draft.locate(['version'])
  throw new PolicyError(file, [{ line, message: 'version must be 1' }])
}

/** The first thing that is told. */
function checkVersion({ draft }: Node, version: unknown): void {
  if (version === 1n) return
  const message = 'version must be 1'
  draft.problems.push(
    version === undefined
      ? { line: 1, message: `${message}, and is missing: write version = 1 at the top` }
      : { line: draft.locate(['version']).line, message },
  )
}

function readNix(node: Node | undefined): NixSettings {
  const fields = node && fieldsOf(node, [], ['refusal-line', 'refusal-line-versions', 'accept-trusted-users'])
  const versions = listOf(fields?.['refusal-line-versions'], VERSION_LIMIT).map(item => {
    const version = plainStringOf(item, 64)
    if (version === undefined || /^\d+\.\d+[0-9A-Za-z._+-]*$/.test(version)) return version
    return complain(item, 'must be a version as "nix --version" prints it, such as "2.34.8"')
  })
  const users = listOf(fields?.['accept-trusted-users'], USER_LIMIT).map(item => {
    const user = plainStringOf(item, 64)
    if (user === undefined || /^@?[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(user)) return user
    return complain(item, 'must be the name of a user, or of a group after "@"')
  })
  return {
    acceptTrustedUsers: users.filter(user => user !== undefined),
    refusalLine: booleanOf(fields?.['refusal-line']) ?? true,
    refusalLineVersions: versions.filter(version => version !== undefined),
  }
}

function certificateReader(
  source: PolicySource,
  certificates: Map<string, CertificateFile>,
): CertificateReader {
  return written => {
    const path = absolute(source, written)
    const known = certificates.get(path)
    if (known !== undefined) return known
    if (certificates.size >= CERTIFICATE_LIMIT)
      throw new RangeError(`more than ${CERTIFICATE_LIMIT} certificates`)
    const file = { path, bytes: source.certificate(path) }
    certificates.set(path, file)
    return file
  }
}

/** The absolute path of a file that a policy names. */
function absolute({ directory }: PolicySource, written: string): string {
  return isAbsolute(written) ? normalize(written) : join(directory, written)
}
