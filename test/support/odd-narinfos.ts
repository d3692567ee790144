/** Narinfos of a good path, written oddly. */
import fc from 'fast-check'

/** A way to write a narinfo, given a plain one as `printNarinfo` writes it, in Latin-1. */
export interface Oddity {
  readonly name: string
  readonly write: (plain: string) => string
}

/** The plain text with the line of this field replaced, or removed. */
export function withField(plain: string, name: string, ...lines: readonly string[]): string {
  const own = plain.split('\n').findIndex(line => line.startsWith(`${name}:`))
  if (own < 0) throw new Error(`no field ${name}`)
  return plain
    .split('\n')
    .toSpliced(own, 1, ...lines)
    .join('\n')
}

const added = (name: string, ...lines: readonly string[]): Oddity => ({
  name,
  write: plain => plain + lines.map(line => `${line}\n`).join(''),
})

const instead = (name: string, ...lines: readonly string[]): Oddity => ({
  name: `${name} as ${JSON.stringify(lines)}`,
  write: plain => withField(plain, name, ...lines),
})

/** With the value of a field written as this function returns it. */
const written = (name: string, field: string, write: (value: string) => string): Oddity => ({
  name,
  write: plain => {
    const [, value = ''] = new RegExp(`^${field}: (.*)$`, 'm').exec(plain) ?? []
    return withField(plain, field, `${field}: ${write(value)}`)
  },
})

const hexOf = (plain: string): string => /^URL: nar\/([0-9a-f]{64})/m.exec(plain)?.[1] ?? ''
const base64Of = (plain: string): string => Buffer.from(hexOf(plain), 'hex').toString('base64')

const hashAs = (name: string, write: (plain: string) => string): Oddity => ({
  name: `NarHash ${name}`,
  write: plain => withField(plain, 'NarHash', `NarHash: ${write(plain)}`),
})

/** Odd in what no signature covers. Some version of Nix takes each of these. */
export const UNCOVERED: readonly Oddity[] = [
  added('provenance', 'Provenance: {"type":"copied","from":"https://cache.example.org"}'),
  added('a hyphen', 'X-Uploaded-By: ci'),
  added('a field of every kind of character', 'Wh\xe4t \0\x1b[2J is/this?:  \xff\0'),
  added('an empty unknown field', 'Extra: '),
  added('a name with spaces', ' URL: nar/other', 'A b: c'),
  added('a line without a colon', 'there is none', 'Note: x'),
  added('a blank line before another', '', 'Note: x'),
  added('a colon alone', ': x'),
  added('an unknown field with a line end of Windows', 'Note: x\r'),
  added('an unknown deriver', 'Deriver: unknown-deriver'),
  added('a deriver that is none', `Deriver: ${'0'.repeat(32)}-x`),
  added('two derivers', `Deriver: ${'0'.repeat(32)}-x.drv`, `Deriver: ${'1'.repeat(32)}-x.drv`),
  added('a system', 'System: x86_64-linux', 'System: two words'),
  added('an empty signature', 'Sig: '),
  added('a signature of another form', 'Sig: what is this', 'Sig: \xe4:\0'),
  added('very many signatures', ...Array.from({ length: 400 }, (_, n) => `Sig: k-${n}:QUJD`)),
  added('an empty content address', 'CA: '),
  added('a second FileSize', 'FileSize: 1'),
  added('a second Compression', 'Compression: none'),
  added('another URL before', 'URL: ./nar/../nar/other'),
  instead('FileHash'),
  instead('FileSize'),
  instead('FileSize', 'FileSize: +120'),
  instead('FileSize', 'FileSize: 000120'),
  instead('FileSize', 'FileSize: 18446744073709551615'),
  instead('FileHash', `FileHash: sha512:${'a'.repeat(128)}`),
  instead('FileHash', `FileHash: md5:${'A'.repeat(32)}`),
  instead('FileHash', `FileHash: sha256-${Buffer.alloc(32).toString('base64')}`),
  written('a step in the URL', 'URL', url => `./${url}`),
  written('a query', 'URL', url => `${url}?hash=x`),
  written('a fragment', 'URL', url => `${url}#x`),
].map(oddity => (oddity.name === 'another URL before' ? lastStands(oddity) : oddity))

/**
 * Odd in what signatures cover, with one meaning alone. Some version of Nix takes each of these.
 */
export const COVERED: readonly Oddity[] = [
  hashAs('in hex', plain => `sha256:${hexOf(plain)}`),
  hashAs('in upper-case hex', plain => `sha256:${hexOf(plain).toUpperCase()}`),
  hashAs('in base64', plain => `sha256:${base64Of(plain)}`),
  hashAs('as SRI', plain => `sha256-${base64Of(plain)}`),
  hashAs('as SRI without padding', plain => `sha256-${base64Of(plain).replace('=', '')}`),
  instead('References'),
  instead('References', 'References:   '),
  written('NarSize with a plus', 'NarSize', size => `+${size}`),
  written('NarSize with zeros', 'NarSize', size => `00${size}`),
  written('StorePath with steps', 'StorePath', path => path.replace('/nix/', '//nix/./')),
  written('StorePath with a slash', 'StorePath', path => `${path}/`),
  written('StorePath twice', 'StorePath', path => `${path}\nStorePath: ${path}`),
  written('NarSize twice', 'NarSize', size => `${size}\nNarSize: 0${size}`),
]

/** What no Nix takes, or what two readers take for different statements, and the reason. */
export const UNCLEAR: readonly (Oddity & { readonly reason: RegExp })[] = [
  { ...instead('StorePath'), reason: /field StorePath is missing/ },
  { ...instead('NarHash'), reason: /field NarHash is missing/ },
  { ...instead('NarSize'), reason: /field NarSize is missing/ },
  { ...instead('URL'), reason: /field URL is missing/ },
  { ...instead('References', 'References:'), reason: /References is read in two ways/ },
  { ...added('another size', 'NarSize: 8'), reason: /NarSize says something else again \(line/ },
  {
    ...added('another hash', `NarHash: sha256:${'0'.repeat(64)}`),
    reason: /NarHash says something else again/,
  },
  {
    ...added('other references', `References: ${'0'.repeat(32)}-x`),
    reason: /References says something else again/,
  },
  {
    ...added('another path', `StorePath: /nix/store/${'0'.repeat(32)}-x`),
    reason: /StorePath says something else again/,
  },
  {
    // Nix takes what follows the line end for the value, and never sees these references.
    ...added('a field that hides the next', 'Note:', `References: ${'0'.repeat(32)}-x`),
    reason: /References is read in two ways/,
  },
  {
    ...added('references in a name', '', `References: ${'0'.repeat(32)}-x`),
    reason: /References is read in two ways/,
  },
  {
    ...written('no space', 'NarSize', size => size),
    write: plain => plain.replace('NarSize: ', 'NarSize:1'),
    reason: /no space after NarSize:/,
  },
  {
    name: 'line ends of Windows',
    write: plain => plain.replaceAll('\n', '\r\n'),
    reason: /StorePath: store path: /,
  },
  {
    name: 'a last line that breaks off',
    write: plain => plain.slice(0, -1),
    reason: /the last line breaks off/,
  },
  { name: 'a blank line at the end', write: plain => `${plain}\n`, reason: /there is no colon/ },
  { ...written('NarSize 0', 'NarSize', () => '0'), reason: /no NAR is empty/ },
  { ...written('NarSize in words', 'NarSize', size => `${size} bytes`), reason: /no size in bytes/ },
  { ...hashAs('by another algorithm', () => `sha1:${'0'.repeat(40)}`), reason: /not SHA-256/ },
]

/** Lines that change nothing of what signatures cover, wherever they stand. */
const ARBITRARY_LINE: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('', 'Sig: ', 'Deriver: ', 'FileSize: ', 'FileHash: ', 'X-', 'Compression: '),
    fc.string(),
  )
  .map(([start, text]) => `${start}${text}`.replaceAll('\n', ' '))
  .map(line => (/^[^:]*:.+/.test(line) ? line : `Note: ${line}`))
  .map(line => Buffer.from(line, 'utf8').toString('latin1'))
  .filter(line => !/^(?:StorePath|NarHash|NarSize|References|URL|CA):/.test(line))

/** Plain text with random lines among its own that no signature covers. */
export function withArbitraryLines(plain: string): fc.Arbitrary<string> {
  const own = plain.split('\n').slice(0, -1)
  return fc.array(fc.tuple(fc.nat(own.length), ARBITRARY_LINE), { maxLength: 5 }).map(more => {
    const lines = own.flatMap((line, at) => [...more.filter(([n]) => n === at).map(([, text]) => text), line])
    return [...lines, ...more.filter(([n]) => n === own.length).map(([, text]) => text), ''].join('\n')
  })
}

function lastStands({ name, write }: Oddity): Oddity {
  return {
    name,
    write: plain => {
      const own = /^URL: .*$/m.exec(plain)?.[0] ?? ''
      return `${write(withField(plain, 'URL'))}${own}\n`
    },
  }
}
