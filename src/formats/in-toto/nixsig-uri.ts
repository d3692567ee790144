/**
 * nixsig's own URIs, `nixsig:…`. The scheme may be in upper case (RFC 3986, section 3.1); the rest
 * is compared exactly.
 */

/**
 * A nixsig URI with its scheme in lower case, for comparison; undefined if the text is not one. A
 * text with invisible characters before or within `nixsig:`, which readers may treat differently,
 * is kept in a form that equals no valid URI.
 */
export function nixsigUri(uri: string): string | undefined {
  const seen = uri.normalize('NFKC').replace(/[\s\p{C}\p{M}]/gu, '')
  return /^nixsig:/i.test(seen) ? uri.replace(/^nixsig:/i, 'nixsig:') : undefined
}
