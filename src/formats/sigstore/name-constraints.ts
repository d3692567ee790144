/**
 * Name constraints of a certificate authority (RFC 5280, section 4.2.1.10): names that the
 * certificates below it may have (`permitted`, if it has any for that kind of name), and names that
 * they must not have.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { derElement } from '../keys/der.ts'
import { GENERAL_NAME, sequenceOf } from './x509.ts'

/** A name in a certificate. */
export interface GeneralName {
  /** One of GENERAL_NAME. */
  readonly tag: number
  readonly text: string
}

/** The name constraints of an authority. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

const PERMITTED = 0xa0
const EXCLUDED = 0xa1

/**
 * The kinds of names whose constraints are compared. For others, compliance could not be checked.
 */
const COMPARED: readonly number[] = [GENERAL_NAME.email, GENERAL_NAME.dns, GENERAL_NAME.uri, GENERAL_NAME.ip]

/** Parses the extension. Throws FormatError, also for kinds of names that are not compared here. */
export function parseNameConstraints(extension: Uint8Array, format: string): NameConstraints {
  const lists = sequenceOf(derElement(extension, format), format)
  const read = (tag: number) =>
    lists
      .filter(list => list.tag === tag)
      .flatMap(list => sequenceOf({ ...list, tag: 0x30 }, format))
      .map(subtree => subtreeOf(sequenceOf(subtree, format), format))
  if (lists.length === 0 || lists.some(({ tag }) => tag !== PERMITTED && tag !== EXCLUDED)) {
    throw malformed(format, 'name constraints of an unknown form')
  }
  return { permitted: read(PERMITTED), excluded: read(EXCLUDED) }
}

/** Which constraint the names break, as text for people; undefined if they break none. */
export function brokenConstraint(
  { permitted, excluded }: NameConstraints,
  names: readonly GeneralName[],
): string | undefined {
  return names.find(name => {
    const ofKind = permitted.filter(({ tag }) => tag === name.tag)
    const isPermitted = ofKind.length === 0 || ofKind.some(({ text }) => isWithin(name, text, 'narrow'))
    return !isPermitted || excluded.some(({ tag, text }) => tag === name.tag && isWithin(name, text, 'wide'))
  })?.text
}

/** How to read a constraint: `narrow` matches a host only, `wide` also the hosts below it. */
type Width = 'narrow' | 'wide'

/**
 * Whether a constraint covers a name. Readers differ about hosts, so permitted names are matched
 * narrowly, where a host covers only itself, and excluded names widely, with all hosts below it.
 */
function isWithin({ tag, text }: GeneralName, constraint: string, width: Width): boolean {
  if (constraint === '') return true
  switch (tag) {
    case GENERAL_NAME.email: {
      const at = text.lastIndexOf('@')
      if (!constraint.includes('@')) return isHostWithin(text.slice(at + 1), constraint, width)
      const [local, host] = [constraint.slice(0, constraint.lastIndexOf('@')), constraint.split('@').at(-1)]
      return text.slice(0, at) === local && text.slice(at + 1).toLowerCase() === host?.toLowerCase()
    }
    case GENERAL_NAME.uri: {
      const host = hostOf(text)
      // A URI without a host name is never permitted and always excluded.
      return host === undefined ? width === 'wide' : isHostWithin(host, constraint, width)
    }
    case GENERAL_NAME.dns:
      return isHostWithin(text, constraint, 'wide')
    default:
      return width === 'wide'
  }
}

function isHostWithin(host: string, constraint: string, width: Width): boolean {
  const [whole, part] = [host.toLowerCase(), constraint.toLowerCase()]
  if (part.startsWith('.')) return whole.endsWith(part)
  return whole === part || (width === 'wide' && whole.endsWith(`.${part}`))
}

function hostOf(uri: string): string | undefined {
  const host = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([A-Za-z0-9.-]+)(?::\d*)?(?:[/?#]|$)/.exec(
    uri,
  )?.[1]
  return host === undefined || /^[\d.]+$/.test(host) ? undefined : host
}

function subtreeOf(parts: ReturnType<typeof sequenceOf>, format: string): GeneralName {
  const [base, ...limits] = parts
  if (base === undefined || limits.length > 0) throw malformed(format, 'name constraints with a depth')
  if (!COMPARED.includes(base.tag)) throw malformed(format, 'name constraints of a kind that is not compared')
  return { tag: base.tag, text: Buffer.from(base.content).toString('latin1') }
}

function malformed(format: string, what: string): FormatError {
  return new FormatError(format, what, 'the certificate')
}
