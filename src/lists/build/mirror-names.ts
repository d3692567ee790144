/** Places that are known by several addresses, and what nixpkgs calls them. */
const MIRRORS: readonly (readonly string[])[] = [
  ['mirror://gnu/', 'https://ftp.gnu.org/gnu/', 'https://ftp.gnu.org/pub/gnu/', 'https://ftpmirror.gnu.org/'],
  [
    'mirror://savannah/',
    'https://download.savannah.gnu.org/releases/',
    'https://download.savannah.nongnu.org/releases/',
  ],
  ['mirror://gnome/', 'https://download.gnome.org/'],
  ['mirror://kde/', 'https://download.kde.org/'],
  ['mirror://kernel/', 'https://www.kernel.org/pub/', 'https://cdn.kernel.org/pub/'],
  ['mirror://gnupg/', 'https://gnupg.org/ftp/gcrypt/', 'https://www.gnupg.org/ftp/gcrypt/'],
  [
    'mirror://apache/',
    'https://www.apache.org/dist/',
    'https://downloads.apache.org/',
    'https://archive.apache.org/dist/',
  ],
  ['mirror://sourceforge/', 'https://downloads.sourceforge.net/', 'https://sf.net/'],
  ['mirror://cpan/', 'https://cpan.metacpan.org/', 'https://www.cpan.org/'],
]

/** Glob by glob, all addresses of the same place, its own first: also with and without TLS. */
export function mirrorsOf(url: string): readonly string[] {
  const safe = url.replace(/^http:/, 'https:')
  const group = MIRRORS.find(prefixes => prefixes.some(prefix => safe.startsWith(prefix)))
  const prefix = group?.find(each => safe.startsWith(each))
  const others = prefix === undefined ? [] : (group ?? []).map(each => each + safe.slice(prefix.length))
  return [...new Set([url, safe, ...others])]
}
