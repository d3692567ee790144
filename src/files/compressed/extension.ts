/**
 * The names of compressed files. People and programs choose by its extension what unpacks a file.
 */
import type { Compression } from './compression.ts'

const EXTENSIONS: Readonly<Record<Compression, readonly string[]>> = {
  gzip: ['gz', 'gzip', 'tgz', 'taz', 'tpz', 'crate', 'svgz'],
  xz: ['xz', 'txz'],
  bzip2: ['bz2', 'bz', 'tbz', 'tbz2', 'tb2', 'tz2'],
  zstd: ['zst', 'zstd', 'tzst'],
  lzip: ['lz', 'tlz'],
}

/** Archives, packages and other compressed files, each with its own programs that read it. */
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
    ...[
      'xlsm',
      'xlsb',
      'xltx',
      'xltm',
      'docm',
      'dotx',
      'dotm',
      'pptm',
      'potx',
      'ppsx',
      'odg',
      'odf',
      'ott',
      'oxt',
    ],
    ...['conda', 'phar', 'pyz', 'pex', 'par', 'jmod', 'aab', 'apks', 'xapk', 'unitypackage', 'mcpack', 'vpk'],
    ...['usdz', 'idml', 'xps', 'oxps', 'cbr', 'cb7', 'sketch', 'fcstd', 'kra', 'ora', 'wgt', 'msixbundle'],
    ...[
      'appimage',
      'snap',
      'flatpak',
      'squashfs',
      'sqsh',
      'sfs',
      'wim',
      'esd',
      'vhd',
      'vhdx',
      'vmdk',
      'qcow2',
    ],
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

/**
 * Whether a file's extension stands for another format than the one it was compressed with. An
 * unknown extension, or none, contradicts nothing.
 */
export function contradicts(name: string, compression: Compression): boolean {
  const extension = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase()
  if (extension === undefined || EXTENSIONS[compression].includes(extension)) return false
  return OTHERS.includes(extension) || Object.values(EXTENSIONS).some(list => list.includes(extension))
}
