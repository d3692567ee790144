import type { KeyPair } from '../crypto/secret-key.ts'
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { narFingerprint, printNarinfo } from '../formats/nix/narinfo.ts'
import { printNixSignature } from '../formats/nix/nix-key.ts'
import { signEd25519 } from '../primitives/sodium.ts'
import { chooseNar } from './nar-choice.ts'
import { narTicket } from './nar-ticket.ts'

/**
 * The narinfo that Nix gets for offers of one NAR, the first of which it is made of. It has the
 * gate's signature, the only one that Nix requires, and `others`, so that a later query of the store
 * still shows who made the path. Its URL is the upstream's; or one below the gate's own `nar/` if
 * several upstreams can serve the NAR, or if Nix could not fetch it from the only one. Whatever the
 * upstream wrote, every version of Nix can read the answer. Throws FormatError if the URL is too
 * long for a request.
 */
export function narinfoAnswer(
  key: KeyPair,
  offers: readonly [Offer, ...Offer[]],
  others: readonly string[],
): string {
  const [{ narinfo }] = offers
  const message = Buffer.from(narFingerprint(narinfo), 'utf8')
  const own = printNixSignature({ name: key.name, signature: signEd25519(message, key.secretKey) })
  const choice = chooseNar(offers)
  const url = choice.kind === 'direct' ? choice.url : narTicket(key, choice.ticket)
  return printNarinfo({ ...narinfo, ...choice.fields, url, signatures: [own, ...others] })
}
