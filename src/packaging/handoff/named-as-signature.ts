import { whyNoSignature } from '../../evidence/derivation-signatures.ts'
import type { Contents } from '../contents.ts'
import type { Workplace } from './source-contents.ts'
import type { Source } from './sources.ts'

/**
 * Whether a source is the signature, or the list of checksums, that derivations say it is:
 * `unnamed` where nobody says so, `is-one`, or in words why it is not one. The hooks decide by the
 * same look (H7).
 */
export async function lookAtLabel(
  { path, part }: Source,
  { file }: Contents,
  workplace: Workplace,
): Promise<'unnamed' | 'is-one' | { readonly why: string }> {
  if (part === undefined) return 'unnamed'
  const info = await (await workplace.store()).pathInfo(path.path)
  if (info !== undefined && info.ca === undefined) return { why: 'it was built' }
  if (info !== undefined && info.references.length > 0) return { why: 'it refers to other paths' }
  const why = whyNoSignature(file, part)
  return why === undefined ? 'is-one' : { why }
}
