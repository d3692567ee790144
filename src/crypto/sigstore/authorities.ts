/**
 * Selects the usable authorities and logs of a trusted root. Heavy: loads node:crypto; load it by
 * `import()` only.
 */
import type { CertificateAuthority, TransparencyLogInstance, TrustedRoot } from '@sigstore/protobuf-specs'
import { type AuthorityUse, readAuthorityChain } from '../../formats/sigstore/authority-chain.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import type { NamedLog } from './entity.ts'
import { publicKeyOf, whyUnfit } from './signed.ts'

/** The usable and the unusable authorities of a trusted root. */
export interface Authorities {
  /** The trusted root without the unusable authorities. */
  readonly root: TrustedRoot
  /** Why each of those is unusable, escaped and fit for a message. */
  readonly unusable: readonly string[]
  readonly logs: readonly NamedLog[]
}

/**
 * The parts of a trusted root that may be used for a certificate (DER): authorities whose chains
 * pass the strict checks of authority-chain.ts and whose keys are as strong as a signer's must be.
 */
export function usableAuthorities(root: TrustedRoot, certificate: Uint8Array): Authorities {
  const unusable: string[] = []
  const usable = (authorities: readonly CertificateAuthority[], use: AuthorityUse) =>
    authorities.filter((authority, index) => {
      const reason = whyUnusable(authority, use, certificate)
      if (reason === undefined) return true
      const what = use === 'certificates' ? 'certificate authority' : 'timestamp authority'
      unusable.push(`${what} ${index + 1} of the trusted root cannot be used: ${reason}`)
      return false
    })
  return {
    root: {
      ...root,
      certificateAuthorities: usable(root.certificateAuthorities, 'certificates'),
      timestampAuthorities: usable(root.timestampAuthorities, 'timestamps'),
    },
    unusable,
    logs: root.tlogs.map(logOf),
  }
}

function whyUnusable(
  { certChain }: CertificateAuthority,
  use: AuthorityUse,
  certificate: Uint8Array,
): string | undefined {
  const chain = certChain?.certificates.map(({ rawBytes }) => rawBytes) ?? []
  try {
    const keys = readAuthorityChain(chain, use, use === 'certificates' ? certificate : undefined)
    const unfit = keys.map(key => whyUnfit(publicKeyOf(key))).find(reason => reason !== undefined)
    return unfit === undefined ? undefined : `it has ${unfit}`
  } catch (error) {
    if (!(error instanceof FormatError) && !(error instanceof Error && 'code' in error)) throw error
    return printable(error.message, 200)
  }
}

/** The name that a log signs with: the host of its address, with the path if it has one. */
function logOf({ baseUrl, checkpointKeyId, logId }: TransparencyLogInstance): NamedLog {
  const name = baseUrl.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\//, '').replace(/\/+$/, '')
  return { id: (checkpointKeyId ?? logId)?.keyId ?? new Uint8Array(), name }
}
