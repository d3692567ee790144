import { storeNarinfo } from '../../evidence/narinfo-files.ts'
import { type Narinfo, parseNarinfo, printNarinfo } from '../../formats/nix/narinfo.ts'
import type { PathInfo, Store } from '../../store/store-client.ts'
import { validContents } from '../contents.ts'
import { PackagingError } from '../packaging-error.ts'
import type { Imported } from './imported.ts'

/** Keeps the Nix signatures of a narinfo. Throws FormatError, FileError and PackagingError. */
export function importNarinfo(out: string, text: string): Imported {
  const narinfo = parseNarinfo(text)
  if (narinfo.signatures.length === 0) {
    throw new PackagingError('nothing-signed', `the narinfo of ${narinfo.path} has no signature`)
  }
  const isNew = storeNarinfo(out, narinfo)
  return { added: isNew ? [narinfo.path] : [], known: isNew ? 0 : 1, skipped: [] }
}

/**
 * What a store knows of a path, as a narinfo with its signatures: for others to import. It says
 * nothing of where a NAR could be had. Throws PackagingError unless the contents are what the store
 * registered.
 */
export async function narinfoOf(store: Store, path: string): Promise<string> {
  const { info } = await validContents(store, path)
  return printNarinfo({ ...signedNarOf(info), signatures: [...info.signatures].sort() })
}

function signedNarOf(info: PathInfo): Narinfo {
  const { path, narHash, narSize, references, deriver } = info
  return {
    path,
    narHash,
    narSize,
    references: [...references].sort(),
    url: 'nar/unknown',
    compression: 'none',
    fileHash: undefined,
    fileSize: undefined,
    deriver,
    system: undefined,
    signatures: [],
    contentAddress: undefined,
  }
}
