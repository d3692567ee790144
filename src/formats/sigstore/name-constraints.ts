/**
 * Name constraints of a certificate authority (RFC 5280, section 4.2.1.10): names that certificates below it may have
 * (`permitted`, where it has any for names of that kind), and names that they must not.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { derElement } from '../keys/der.ts'
import { GENERAL_NAME, sequenceOf } from './x509.ts'

export interface GeneralName {
  /** One of GENERAL_NAME. */
  readonly tag: number
  readonly text: string
}

export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

const PERMITTED = 0xa0
const EXCLUDED = 0xa1

/** Kinds of names whose constraints are compared. Of all others it could not be said whether they are kept. */
const COMPARED: readonly number[] = [GENERAL_NAME.email, GENERAL_NAME.dns, GENERAL_NAME.uri, GENERAL_NAME.ip]

/** Reads the extension. Throws FormatError, also for kinds of names that are not compared here. */
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

/** What of some names is against the constraints, for people; undefined if all may be. */
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

/** A text that is a mailbox, a host, or the hosts below one (`.example.org`). */
type Width = 'narrow' | 'wide'

/**
 * Whether a name is what a constraint is about. What is permitted is taken narrowly - a host is itself - and what is
 * excluded widely, with all hosts below, as some readers take both.
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
      // A URI without a host's name is within none, and against every constraint.
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
