/** Contents of files in small worlds. */
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import type { Decisions } from './decisions.ts'
import { detachedSignature, FORMS, type Form, PEOPLE, type Person } from './people.ts'

/** Files that a person may have released. */
const BLOBS = [0, 1, 2] as const

export type Content =
  | { readonly kind: 'blob'; readonly number: number }
  /** A signature of a blob, or of the list of all blobs. */
  | { readonly kind: 'signature'; readonly form: Form; readonly by: Person; readonly over: number | 'list' }
  /** The checksums of all blobs. */
  | { readonly kind: 'list' }
  /** A signature with trailing bytes: no parser of signatures accepts it. */
  | { readonly kind: 'nearly'; readonly form: Form; readonly by: Person; readonly over: number }

/** A random content; every other time it is a blob. */
export function someContent(decisions: Decisions): Content {
  if (!decisions.oneIn(2)) return { kind: 'blob', number: decisions.pick(BLOBS) }
  const kind = decisions.pick(['signature', 'signature', 'list', 'nearly'] as const)
  if (kind === 'list') return { kind }
  const signed = {
    form: decisions.pick(FORMS),
    by: decisions.pick(['dev', 'dev', ...PEOPLE] as const),
    over: decisions.pick(BLOBS),
  }
  if (kind === 'signature' && decisions.oneIn(4)) return { kind, ...signed, over: 'list' }
  return { kind, ...signed }
}

/** The bytes of a file; there are few different ones, and each is made once. */
export function bytesOf(content: Content): Uint8Array {
  const name = JSON.stringify(content)
  const bytes = MADE.get(name) ?? newBytesOf(content)
  MADE.set(name, bytes)
  return bytes
}

const MADE = new Map<string, Uint8Array>()

function newBytesOf(content: Content): Uint8Array {
  switch (content.kind) {
    case 'blob':
      return Buffer.from(`blob ${content.number}\n`)
    case 'list':
      return Buffer.from(
        BLOBS.map(number => `${toHex(sha256(blob(number)))}  ${nameInList(number)}\n`).join(''),
      )
    case 'signature':
      return detachedSignature(
        content.by,
        content.form,
        content.over === 'list' ? bytesOf({ kind: 'list' }) : blob(content.over),
      )
    case 'nearly':
      return Buffer.concat([
        detachedSignature(content.by, content.form, blob(content.over)),
        Buffer.from('rm -rf /\n'),
      ])
  }
}

/** The name of a blob in the list of checksums. */
export function nameInList(number: number): string {
  return `blob-${number}`
}

/** Whether a file, in its entirety, is a signature or a list of checksums. */
export function isSignatureOrList({ kind }: Content): boolean {
  return kind === 'signature' || kind === 'list'
}

/** Whether one file is a valid signature of another, over a list if one is given. */
export function signs(signature: Content, file: Content, list?: Content): boolean {
  if (signature.kind !== 'signature' || file.kind !== 'blob') return false
  if (list !== undefined) return list.kind === 'list' && signature.over === 'list'
  return signature.over === file.number
}

function blob(number: number): Uint8Array {
  return bytesOf({ kind: 'blob', number })
}
