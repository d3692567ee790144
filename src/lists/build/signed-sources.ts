/** A file that a package takes, and the name that it gives it, if it gives one. Globs. */
export interface TakenSource {
  readonly url: string
  readonly name?: string
}

const SIGNATURE = /\.(?:sig|asc|sign|signature|minisig)$/
const COMPRESSION = /\.(?:gz|bz2|xz|lz|zst)$/

/** The addresses of those files that come with a signature beside them. */
export function signedAddresses(sources: readonly TakenSource[]): readonly string[] {
  const signed = new Set(
    sources.filter(({ url }) => SIGNATURE.test(url)).map(({ url }) => url.replace(SIGNATURE, '')),
  )
  const isSigned = (url: string) => signed.has(url) || signed.has(url.replace(COMPRESSION, ''))
  const own = sources.filter(({ url }) => !SIGNATURE.test(url) && isSigned(url))
  const addresses = own.flatMap(({ url, name }) =>
    name === undefined || name.includes('/') ? [url] : [url, `${url.slice(0, url.lastIndexOf('/'))}/${name}`],
  )
  return [...new Set(addresses)]
}
