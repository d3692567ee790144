import type { StorePath } from '../formats/nix/store-path.ts'
import type { Refusal } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import { recordAltered } from '../verifier/record.ts'
import { alteredOnDisk } from '../verifier/verify.ts'
import type { Run } from './run.ts'

/**
 * Hashes a path, once in a run: whoever vouches for it vouches for what Nix registered. Returns the
 * refusal if something else lies on the disk, and sees to it that hooks hash it too. A run that
 * changes nothing believes Nix.
 */
export async function alteredIn(run: Run, path: StorePath, info: PathInfo): Promise<Refusal | undefined> {
  if (run.dry) return undefined
  if (run.hashed.has(path.path)) return run.hashed.get(path.path)
  const inquiry = run.ask()
  const altered = await alteredOnDisk(inquiry, path)
  if (altered?.findings[0].code === 'altered')
    recordAltered(inquiry, path, { narHash: info.narHash, kind: altered.kind })
  run.hashed.set(path.path, altered)
  return altered
}
