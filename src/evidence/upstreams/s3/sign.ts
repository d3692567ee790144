/**
 * Signs requests for S3 by AWS's own library. Slow to load, so it is only reached by `import()`.
 */
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import type { Credentials } from './credentials.ts'

/** Seconds for which a signed URL is good; also the difference of clocks that does no harm. */
const GOOD_FOR = 900

/**
 * The URL with a signature for GET in its query (AWS Signature Version 4). It goes nowhere else in a
 * redirection, unlike a header.
 */
export async function signUrl(
  address: string,
  { region, credentials }: { readonly region: string; readonly credentials: Credentials },
): Promise<string> {
  const url = new URL(address)
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  })
  const { query = {} } = await signer.presign(
    {
      method: 'GET',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: {},
      headers: { host: url.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
    },
    { expiresIn: GOOD_FOR },
  )
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
  // AWS reads "+" as itself.
  return url.href.replaceAll('+', '%20')
}
