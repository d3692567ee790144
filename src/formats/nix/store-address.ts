/**
 * The parameters of a store's address, as Nix reads them (libutil, url): unlike in forms of HTML, a
 * plus sign is one.
 */
export function storeParameters(address: string): URLSearchParams {
  const at = address.indexOf('?')
  return new URLSearchParams(at === -1 ? '' : address.slice(at + 1).replaceAll('+', '%2B'))
}
