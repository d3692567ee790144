import type { KeyPair } from '../crypto/secret-key.ts'
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { narFingerprint, printNarinfo } from '../formats/nix/narinfo.ts'
import { printNixSignature } from '../formats/nix/nix-key.ts'
import { signEd25519 } from '../primitives/sodium.ts'
import { narTicket } from './nar-ticket.ts'

/**
 * The narinfo that Nix gets of an offer: signed by the gate, which is all that Nix asks for, with the signatures that the
 * trusted list knows, so that whoever asks the store later still finds who made it. Its NAR is where the upstream has it,
 * or below the gate's own `nar/` if Nix could not get it there. Throws FormatError where that is too long for a request.
 */
export function narinfoAnswer(
  key: KeyPair,
  { upstream, narinfo, nar }: Offer,
  listed: readonly string[],
): Buffer {
  const message = Buffer.from(narFingerprint(narinfo), 'utf8')
  const own = printNixSignature({ name: key.name, signature: signEd25519(message, key.secretKey) })
  const url = nar.kind === 'url' ? nar.url : narTicket(key, { upstream, file: nar.url })
  return Buffer.from(printNarinfo({ ...narinfo, url, signatures: [own, ...listed] }), 'latin1')
}
