/** nixsig's own URIs, `nixsig:…`. A scheme is one in capitals, too (RFC 3986, section 3.1); all else is exact. */

/**
 * A URI of nixsig's with its scheme in small letters, for comparison; undefined if it is not one. What some readers see a
 * `nixsig:` in and others do not, with characters before or within it that do not show, is not equal to any.
 */
export function nixsigUri(uri: string): string | undefined {
  const seen = uri.normalize('NFKC').replace(/[\s\p{C}\p{M}]/gu, '')
  return /^nixsig:/i.test(seen) ? uri.replace(/^nixsig:/i, 'nixsig:') : undefined
}
