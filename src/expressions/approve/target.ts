import { normalize } from 'node:path'
import { printable } from '../../primitives/printable.ts'
import { ExpressionError } from '../expression-error.ts'

/** What is evaluated: an output of a flake, or attributes of a file of a tree. */
export type Target =
  | { readonly kind: 'flake'; readonly attribute: string }
  | { readonly kind: 'file'; readonly file: string; readonly attributes: readonly string[] }

/** How an approval names a target: `.#hello` or `default.nix hello`. */
export function titleOf(target: Target): string {
  if (target.kind === 'flake') return `.#${target.attribute}`
  return [fileIn(target.file), ...target.attributes].join(' ')
}

/** The path of a file from the top of its tree. Throws ExpressionError if it is outside. */
export function fileIn(file: string): string {
  const path = normalize(file)
  if (!path.startsWith('/') && path !== '..' && !path.startsWith('../')) return path
  throw new ExpressionError('evaluation', `${printable(file)} is not a file of the repository, from its top`)
}
