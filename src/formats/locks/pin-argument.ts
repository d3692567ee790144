import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { parseNixHash } from '../nix/nix-hash.ts'
import { archivePin } from './archive-url.ts'
import { canonicalUrl, fetchUrl } from './input-url.ts'
import type { LockedInput, Pin } from './locked-input.ts'

/**
 * Reads what somebody pins in an expression, as they say it on the command line:
 *
 *     URL@COMMIT           fetchGit, fetchTree, getFlake: a repository and the whole id of a commit
 *     URL@COMMIT#HASH      the same with the hash of its files, `sha256-…` or `sha256:…`
 *     URL#HASH             fetchTarball: an archive and the hash of its files
 *
 * Throws FormatError.
 */
export function parsePin(text: string): LockedInput {
  const [, url = '', commit, hash] =
    /^([^#]+?)(?:@([0-9a-f]{40}|[0-9a-f]{64}))?(?:#(sha256[-:].+))?$/.exec(text) ?? []
  if (url === '' || (commit === undefined && hash === undefined)) {
    throw new FormatError('pin', 'must be URL@COMMIT, URL@COMMIT#HASH or URL#HASH', printable(text, 120))
  }
  return { path: printable(text, 200), line: 1, pin: pinOf(url, commit, hash && sha256Of(hash)) }
}

function pinOf(url: string, commit: string | undefined, narHash: string | undefined): Pin {
  if (commit === undefined) return archivePin(url, narHash)
  const canonical = canonicalUrl(url, 'git')
  return {
    kind: 'git',
    url: canonical,
    from: fetchUrl(url, canonical),
    form: 'repository',
    commit,
    ...(narHash && { narHash }),
    submodules: false,
    lfs: false,
  }
}

function sha256Of(text: string): string {
  const { algorithm, hash } = parseNixHash(text)
  if (algorithm === 'sha256') return hash
  throw new FormatError('pin', 'its hash must be SHA-256', printable(text, 120))
}
