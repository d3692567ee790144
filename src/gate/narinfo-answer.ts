import type { KeyPair } from '../crypto/secret-key.ts'
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { narFingerprint, printNarinfo } from '../formats/nix/narinfo.ts'
import { printNixSignature } from '../formats/nix/nix-key.ts'
import { signEd25519 } from '../primitives/sodium.ts'
import { chooseNar } from './nar-choice.ts'
import { narTicket } from './nar-ticket.ts'

/**
  const choice = chooseNar(offers)
  const where =
    choice.kind === 'direct' ? { url: choice.url } : { url: narTicket(key, choice.ticket), ...choice.fields }
  return printNarinfo({ ...narinfo, ...where, signatures: [own, ...others] })
 */
export function narinfoAnswer(
  key: KeyPair,
  offers: readonly [Offer, ...Offer[]],
  others: readonly string[],
): string {
  const [{ narinfo }] = offers
  const message = Buffer.from(narFingerprint(narinfo), 'utf8')
  const own = printNixSignature({ name: key.name, signature: signEd25519(message, key.secretKey) })
<<<<<<< HEAD
  const choice = chooseNar(offers)
  const where =
    choice.kind === 'direct' ? { url: choice.url } : { url: narTicket(key, choice.ticket), ...choice.fields }
  const { contentAddress: stated } = narinfo
  const contentAddress = stated !== undefined && isKnownToAll(stated) ? stated : undefined
  return printNarinfo({ ...narinfo, ...where, contentAddress, signatures: [own, ...others] })
}

/** Whether every Nix reads it. One that does not know a content address fails; none is needed. */
function isKnownToAll({ method, algorithm }: ContentAddress): boolean {
  return method !== 'git' && algorithm !== 'blake3' && (method !== 'text' || algorithm === 'sha256')
=======
  const url = nar.kind === 'url' ? nar.url : narTicket(key, { upstream, file: nar.url })
  return printNarinfo({ ...narinfo, url, signatures: [own, ...others] })
>>>>>>> info
}
