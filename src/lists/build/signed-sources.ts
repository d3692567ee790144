/** A file that a package takes, and the name that it gives it, if it gives one. Globs. */
export interface TakenSource {
  readonly url: string
  readonly name?: string
}

const SIGNATURE = /\.(?:sig|asc|sign|signature|minisig)$/
/** A signature of hashes, for the file whose name stands before. */
const CHECKSUMS = /\.sha(?:256|384|512)(?:sums?)?(?:\.txt)?$/
const COMPRESSION = /\.(?:gz|bz2|xz|lz|zst)$/

/**
 * The addresses of those files that come with a signature. As makepkg and Portage have it, a
 * signature belongs to the file whose name in the build it has, wherever either comes from.
 */
export function signedAddresses(sources: readonly TakenSource[]): readonly string[] {
  const named = sources.map(source => ({ ...source, local: localName(source) }))
  const isSignature = (name: string) => SIGNATURE.test(name) && /[^*]/.test(name.replace(SIGNATURE, ''))
  const signed = new Set(
    named
      .filter(({ local }) => isSignature(local))
      .map(({ local }) => local.replace(SIGNATURE, '').replace(CHECKSUMS, '')),
  )
  const own = named.filter(
    ({ local }) =>
      !SIGNATURE.test(local) && (signed.has(local) || signed.has(local.replace(COMPRESSION, ''))),
  )
  const addresses = own.flatMap(({ url, name }) =>
    name === undefined || name.includes('/') ? [url] : [url, `${url.slice(0, url.lastIndexOf('/'))}/${name}`],
  )
  return [...new Set(addresses)]
}

function localName({ url, name }: TakenSource): string {
  return name ?? url.slice(url.lastIndexOf('/') + 1)
}
