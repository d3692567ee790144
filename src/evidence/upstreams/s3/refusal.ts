/** What a server of S3 says when it does not give a file, in words that say what to do. */
import { printable } from '../../../primitives/printable.ts'
import type { S3Address } from './address.ts'

/** An answer other than the file. `text`: the beginning of its body, an XML document. */
export interface S3Refusal {
  readonly status: number
  /** The header `x-amz-bucket-region`. */
  readonly region: string | undefined
  /** The header `Date`. */
  readonly date: string | undefined
  readonly text: string
}

/** By how many milliseconds clocks differ before S3 refuses. */
const SKEW = 10 * 60_000

/** The code of S3's error (`NoSuchKey`); undefined if the body has none. */
export function codeOf({ text }: Pick<S3Refusal, 'text'>): string | undefined {
  return element(text, 'Code')
}

/** The refusal in words, escaped. `isSigned`: whether there were credentials. */
export function refusalWords(address: S3Address, refusal: S3Refusal, isSigned: boolean, now: number): string {
  const { status, date, text } = refusal
  const code = codeOf(refusal)
  const region = refusal.region ?? element(text, 'Region')
  if (region !== undefined && region !== address.region && /^[a-z0-9-]{1,64}$/.test(region))
    return `answered ${status}: the bucket is in the region "${region}", not "${address.region}"; next: add region=${region} to its address`
  const skew = Date.parse(date ?? '') - now
  if (status === 403 && Math.abs(skew) > SKEW) {
    const minutes = Math.round(Math.abs(skew) / 60_000)
    return `answered ${status}: this machine's clock is ${minutes} minutes ${skew > 0 ? 'behind' : 'ahead of'} the server's; next: set the clock`
  }
  const why = code === undefined ? undefined : WORDS[code]?.(address, isSigned)
  if (why !== undefined) return `answered ${status} (${code}): ${why}`
  const message = element(text, 'Message')
  const said = [code, message].filter(part => part !== undefined).map(part => printable(part, 160))
  return `answered ${status}${said.length === 0 ? '' : ` (${said.join(': ')})`}`
}

const EXPIRED = () => 'the AWS credentials have expired; next: renew them'
const UNKNOWN = () => 'the server does not take these AWS credentials'

const WORDS: Readonly<Record<string, (address: S3Address, isSigned: boolean) => string>> = {
  ExpiredToken: EXPIRED,
  TokenRefreshRequired: EXPIRED,
  InvalidToken: UNKNOWN,
  InvalidAccessKeyId: UNKNOWN,
  SignatureDoesNotMatch: UNKNOWN,
  RequestTimeTooSkewed: () => "this machine's clock differs from the server's; next: set the clock",
  NoSuchBucket: ({ bucket }) => `there is no bucket "${printable(bucket)}"`,
  PermanentRedirect: () => 'the bucket is in another region or at another endpoint',
  AccessDenied: ({ profile }, isSigned) =>
    isSigned
      ? 'the AWS credentials may not read it'
      : `it may not be read without credentials, and there are none${profile === undefined ? '' : ` for the profile "${printable(profile)}"`}; next: give the gate's service AWS credentials (environment, ~/.aws of the user who runs it, or an instance role)`,
}

function element(text: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]{1,500})</${name}>`).exec(text)?.[1]
}
