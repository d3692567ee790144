/** Names of compressed files. By its extension people and programs choose what unpacks a file. */
import type { Compression } from '../decompress.ts'

const EXTENSIONS: Readonly<Record<Compression, readonly string[]>> = {
  gzip: ['gz', 'gzip', 'tgz', 'taz', 'tpz', 'crate', 'svgz'],
  xz: ['xz', 'txz'],
  bzip2: ['bz2', 'bz', 'tbz', 'tbz2', 'tb2', 'tz2'],
  zstd: ['zst', 'zstd', 'tzst'],
  lzip: ['lz', 'tlz'],
}

/** Archives, packages and other ways of compressing, each with readers of its own. */
const OTHERS: readonly string[] = [
  ...[
    'zip',
    'zipx',
    'jar',
    'war',
    'ear',
    'aar',
    'apk',
    'ipa',
    'xpi',
    'crx',
    'whl',
    'egg',
    'nupkg',
    'vsix',
    'gem',
  ],
  ...[
    'epub',
    'odt',
    'ods',
    'odp',
    'docx',
    'xlsx',
    'pptx',
    'cbz',
    'kmz',
    '3mf',
    'pk3',
    'love',
    'appx',
    'msix',
  ],
  ...[
    'tar',
    'ova',
    'cpio',
    'ar',
    'a',
    'deb',
    'udeb',
    'rpm',
    'shar',
    'pax',
    'xar',
    'pkg',
    'iso',
    'img',
    'dmg',
  ],
  ...[
    '7z',
    'rar',
    'cab',
    'msi',
    'arj',
    'lzh',
    'lha',
    'ace',
    'z',
    'lzma',
    'lzo',
    'lz4',
    'br',
    'sz',
    'lrz',
    'zpaq',
  ],
  ...['exe', 'dll', 'so', 'pdf', 'ps', 'html', 'htm', 'svg', 'png', 'jpg', 'jpeg', 'gif', 'wasm', 'bundle'],
]

/** Whether a file of this name is taken for something else than what it was compressed with. */
export function contradicts(name: string, compression: Compression): boolean {
  const extension = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase()
  if (extension === undefined || EXTENSIONS[compression].includes(extension)) return false
  return OTHERS.includes(extension) || Object.values(EXTENSIONS).some(list => list.includes(extension))
}
