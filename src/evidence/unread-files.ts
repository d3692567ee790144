import { join } from 'node:path'
import { isPartial } from '../files/durable-file.ts'
import { readableNamesIn } from '../files/names-in.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { PUBLISHED_EXTENSIONS, splitExtension } from '../formats/publication.ts'
import type { SubjectKind } from '../policy/policy.ts'
import type { Stray } from '../policy/verdict.ts'
import { SIGNATURE_EXTENSIONS } from './signature-files.ts'

/**
 * Files beside the attestations of a store path which nothing reads: those with an unknown
 * extension, and developers' signatures of paths that are not sources. Reads whole directories, so
 * it is for commands and not for hooks. Treats an unreadable directory as empty; looking for
 * attestations reports it. Throws FormatError if it is not a store path.
 */
export function leftoversOf(
  directories: readonly string[],
  storePath: string,
  kind: SubjectKind,
): readonly Stray[] {
  const { digest } = parseStorePath(storePath)
  const isSource = kind === 'fetched-source' || kind === 'local-source'
  return directories.flatMap(directory =>
    [...readableNamesIn(join(directory, digest.slice(0, 2)))]
      .sort()
      .filter(name => name.startsWith(digest) && !isPartial(name))
      .flatMap((name): readonly Stray[] => {
        const detail = whyUnread(name.slice(digest.length), isSource)
        const origin = join(directory, digest.slice(0, 2), name)
        return detail === undefined ? [] : [{ problem: 'unused', origin, detail }]
      }),
  )
}

function whyUnread(extension: string, isSource: boolean): string | undefined {
  if (!PUBLISHED_EXTENSIONS.includes(extension)) {
    return 'a file with an extension that means nothing here'
  }
  const isSignature = SIGNATURE_EXTENSIONS.some(each => each === splitExtension(extension).plain)
  return isSignature && !isSource
    ? 'a detached signature counts for a source in the store, and this is not one'
    : undefined
}
