import type { KeyPair } from '../crypto/secret-key.ts'
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { narFingerprint, printNarinfo } from '../formats/nix/narinfo.ts'
import { printNixSignature } from '../formats/nix/nix-key.ts'
import { signEd25519 } from '../primitives/sodium.ts'
import { narTicket } from './nar-ticket.ts'

/**
 * The narinfo that Nix gets for an offer. It has the gate's signature, the only one that Nix
 * requires, and `others`, so that a later query of the store still shows who made the path. Its URL
 * is the upstream's, or one below the gate's own `nar/` if Nix could not fetch it from the
 * upstream. Its content address stays in any case: Nix compares the contents with it. Throws
 * FormatError if the URL is too long for a request.
 */
export function narinfoAnswer(
  key: KeyPair,
  { upstream, narinfo, nar }: Offer,
  others: readonly string[],
): string {
  const message = Buffer.from(narFingerprint(narinfo), 'utf8')
  const own = printNixSignature({ name: key.name, signature: signEd25519(message, key.secretKey) })
  const url = nar.kind === 'url' ? nar.url : narTicket(key, { upstream, file: nar.url })
  return printNarinfo({ ...narinfo, url, signatures: [own, ...others] })
}
