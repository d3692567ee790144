import { isContentAddressed, parseNarinfo } from '../../formats/nix/narinfo.ts'
import { parseStorePath } from '../../formats/nix/store-path.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { learnNames } from './known-names.ts'
import type { Said, Upstream } from './upstream.ts'

/** The upstream that makes the offer. */
type Holder = Pick<Upstream, 'url' | 'locate' | 'stream'>

/**
 * What a narinfo offers for the requested path. Malformed if it is about another path, has a
 * content address that does not belong to the path, or has its NAR outside the upstream.
 */
export function readOffer(
  { url: upstream, locate, stream }: Holder,
  digest: string,
  bytes: Uint8Array,
): Said {
  try {
    const narinfo = parseNarinfo(Buffer.from(bytes).toString('latin1'))
    if (parseStorePath(narinfo.path).digest !== digest) {
      return malformed(`narinfo: it is about another path: ${printable(narinfo.path)}`)
    }
    if (narinfo.contentAddress !== undefined && !isContentAddressed(narinfo)) {
      return malformed('narinfo: CA: its path is not the one that these contents have')
    }
    const nar = locate(narinfo.url)
    learnNames([narinfo.path, ...narinfo.references])
    return { kind: 'offer', offer: { upstream, narinfo, nar, open: options => stream(nar.url, options) } }
  } catch (error) {
    if (error instanceof FormatError) return malformed(error.message)
    throw error
  }
}

function malformed(detail: string): Said {
  return { kind: 'malformed', detail }
}
