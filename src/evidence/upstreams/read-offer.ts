import { isContentAddressed, parseNarinfo } from '../../formats/nix/narinfo.ts'
import { parseStorePath } from '../../formats/nix/store-path.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import type { Said, Upstream } from './upstream.ts'

/** Whoever offers it. */
type Holder = Pick<Upstream, 'url' | 'locate' | 'stream'>

/**
 * What the text of a narinfo offers of the path that was asked for; malformed where it is about another one, claims an
 * address by contents that is not the path's, or has its NAR anywhere but with the upstream.
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
    return { kind: 'offer', offer: { upstream, narinfo, nar, open: options => stream(nar.url, options) } }
  } catch (error) {
    if (error instanceof FormatError) return malformed(error.message)
    throw error
  }
}

function malformed(detail: string): Said {
  return { kind: 'malformed', detail }
}
