import { parseStorePath } from '../formats/nix/store-path.ts'
import type { PathInfo } from '../store/store-client.ts'
import { type Input, type Output, outputsOf, readDerivation } from './build.ts'
import type { Inquiry } from './inquiry.ts'

/**
 * What a valid path is to the policy. A derivation that says it makes the path is believed when it does: its own .drv
 * names it. Without one, what the store calls content-addressed is a source, and all else is an output.
 */
export function classify(text: string, info: PathInfo | undefined): Input {
  const path = parseStorePath(text)
  const made = info?.deriver === undefined ? undefined : outputNamedBy(info.deriver, path.path)
  if (made !== undefined) return made
  if (info?.ca === undefined) return { path, kind: 'output' }
  return { path, kind: info.deriver === undefined ? 'local-source' : 'fetched-source' }
}

/** The same; where the store was told of no derivation that is here, any other that makes the path will do. */
export async function classifyInStore(
  inquiry: Inquiry,
  path: string,
  info: PathInfo | undefined,
): Promise<Input> {
  const found = classify(path, info)
  if (found.kind !== 'output' || found.derivation !== undefined) return found
  for (const deriver of await (await inquiry.store()).derivers(path)) {
    const made = outputNamedBy(deriver, path)
    if (made !== undefined) return made
  }
  return found
}

/** The output of this derivation that is this path; undefined if it makes no such thing, or is not here to be asked. */
export function outputNamedBy(deriver: string, path: string): Output | undefined {
  try {
    return outputsOf(readDerivation(deriver)).find(output => output.path.path === path)
  } catch {
    // Gone with the garbage, or of a kind whose outputs no .drv names: the derivation is not known then.
    return undefined
  }
}
