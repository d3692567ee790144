import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import {
  isContentAddressed,
  NARINFO_LIMIT,
  type Narinfo,
  narFingerprint,
  parseNarinfo,
  printNarinfo,
} from '../../../src/formats/nix/narinfo.ts'
import { parseNixPublicKey, parseNixSignature } from '../../../src/formats/nix/nix-key.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { verifyEd25519 } from '../../../src/primitives/sodium.ts'
import { cachedPath } from '../../support/cache-of-many.ts'
import { COVERED, UNCLEAR, UNCOVERED, withArbitraryLines } from '../../support/odd-narinfos.ts'
import { privateNix } from '../../support/private-nix.ts'
import { refuses } from '../../support/refuses.ts'
import { signer } from '../../support/trust.ts'

const nix = privateNix()
after(nix.remove)

const A = '00000000000000000000000000000000-a'
const B = '11111111111111111111111111111111-b'
const NIX32 = '0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73'
const HEX = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

const LINES = [
  `StorePath: /nix/store/${A}`,
  'URL: nar/file.nar.xz',
  'Compression: xz',
  `FileHash: sha256:${NIX32}`,
  'FileSize: 17',
  `NarHash: sha256:${NIX32}`,
  'NarSize: 120',
  `References: ${A} ${B}`,
  `Deriver: ${B}.drv`,
  'System: x86_64-linux',
  'Sig: cache-1:abc',
  'Sig: cache-2:def',
  `CA: fixed:r:sha256:${NIX32}`,
]
const TEXT = `${LINES.join('\n')}\n`

/** The text with one field's line replaced or removed. */
function withLine(name: string, ...lines: readonly string[]): string {
  const at = LINES.findIndex(line => line.startsWith(`${name}:`))
  assert.ok(at >= 0)
  return `${LINES.toSpliced(at, 1, ...lines).join('\n')}\n`
}

test('reads every field, and prints them as they were', () => {
  const narinfo = parseNarinfo(TEXT)
  assert.deepEqual(narinfo, {
    path: `/nix/store/${A}`,
    url: 'nar/file.nar.xz',
    compression: 'xz',
    fileHash: HEX,
    fileSize: 17,
    narHash: HEX,
    narSize: 120,
    references: [`/nix/store/${A}`, `/nix/store/${B}`],
    deriver: `/nix/store/${B}.drv`,
    system: 'x86_64-linux',
    signatures: ['cache-1:abc', 'cache-2:def'],
    contentAddress: { method: 'recursive', algorithm: 'sha256', hash: HEX },
  })
  assert.equal(printNarinfo(narinfo), TEXT)
})

test('reads a minimal narinfo', () => {
  const least = `StorePath: /nix/store/${A}\nURL: x\nNarHash: sha256:${NIX32}\nNarSize: 1\nReferences: \n`
  const narinfo = parseNarinfo(least)
  assert.deepEqual(narinfo.references, [])
  assert.deepEqual(narinfo.signatures, [])
  assert.equal(narinfo.compression, undefined)
  assert.equal(narinfo.contentAddress, undefined)
  assert.equal(printNarinfo(narinfo), least)
})

test('reads what Nix writes, and agrees with it about what is signed', () => {
  writeFileSync(join(nix.dir, 'secret'), nix.say('nix', 'key', 'generate-secret', '--key-name', 'test-1'))
  const key = parseNixPublicKey(nix.say('sh', '-c', `nix key convert-secret-to-public < ${nix.dir}/secret`))
  const expression = `let a = builtins.toFile "a" "1"; b = builtins.toFile "b" "2"; in builtins.toFile "c" "\${b} \${a}"`
  const path = nix.say('nix-instantiate', '--eval', '--read-write-mode', '-E', expression).slice(1, -1)
  const cache = join(nix.dir, 'cache')
  nix.run('nix', 'copy', '--to', `file://${cache}?secret-key=${nix.dir}/secret`, path)

  const files = readdirSync(cache).filter(file => file.endsWith('.narinfo'))
  const narinfos = files.map(file => {
    const text = readFileSync(join(cache, file), 'utf8')
    const narinfo = parseNarinfo(text)
    assert.equal(printNarinfo(narinfo), text)
    return narinfo
  })
  assert.equal(narinfos.find(narinfo => narinfo.path === path)?.references.length, 2)
  for (const narinfo of narinfos) {
    assert.ok(isContentAddressed(narinfo))
    const [signature = ''] = narinfo.signatures
    const { name, signature: bytes } = parseNixSignature(signature)
    assert.equal(name, 'test-1')
    assert.ok(verifyEd25519(Buffer.from(narFingerprint(narinfo)), bytes, key.publicKey))
    const other = { ...narinfo, narSize: narinfo.narSize + 8 }
    assert.ok(!verifyEd25519(Buffer.from(narFingerprint(other)), bytes, key.publicKey))
  }
})

test('reads the hash in each form that Nix reads', () => {
  for (const hash of [`sha256:${HEX}`, 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=']) {
    assert.equal(parseNarinfo(withLine('NarHash', `NarHash: ${hash}`)).narHash, HEX)
  }
})

test('treats "unknown-deriver" as absent', () => {
  assert.equal(parseNarinfo(withLine('Deriver', 'Deriver: unknown-deriver')).deriver, undefined)
})

/** A path with everything that its signature covers, and all that it does not. */
const PLAIN = cachedPath('plain', 'plain\n', [signer('cache')]).narinfo

const coveredBy = ({ path, narHash, narSize, references }: Narinfo) => [path, narHash, narSize, references]

for (const { name, write } of [...UNCOVERED, ...COVERED]) {
  test(`as lenient as Nix: ${name}`, () => {
    const [plain, odd] = [parseNarinfo(PLAIN), parseNarinfo(write(PLAIN))]
    assert.deepEqual(coveredBy(odd), coveredBy(plain))
    assert.ok(odd.signatures.includes(plain.signatures[0] ?? ''))
    assert.deepEqual(parseNarinfo(printNarinfo(odd)), odd)
  })
}

for (const { name, write, reason } of UNCLEAR) {
  test(`refuses what has no meaning, or two: ${name}`, () =>
    refuses(() => parseNarinfo(write(PLAIN)), reason))
}

test('nothing that no signature covers changes what is read of the rest, or is printed as it was', () => {
  const plain = parseNarinfo(PLAIN)
  fc.assert(
    fc.property(withArbitraryLines(PLAIN), text => {
      const narinfo = parseNarinfo(text)
      assert.deepEqual(coveredBy(narinfo), coveredBy(plain))
      assert.match(printNarinfo(narinfo), /^(?:[A-Za-z]+: [ -~]*\n)+$/)
      assert.deepEqual(parseNarinfo(printNarinfo(narinfo)), narinfo)
    }),
    { numRuns: 1000 },
  )
})

test('passes over what cannot be read and no signature covers', () => {
  for (const [name, line] of [
    ['Compression', 'Compression: xz -9'],
    ['FileHash', 'FileHash: garbage'],
    ['FileSize', 'FileSize: -1'],
    ['Deriver', `Deriver: ${B}`],
    ['System', 'System: a b'],
  ] as const) {
    assert.equal(printNarinfo(parseNarinfo(withLine(name, line))), withLine(name), line)
  }
  const url = parseNarinfo(withLine('URL', 'URL: nar/\xe4 \r')).url
  assert.equal(url, 'nar/%E4%20%0D')
})

test('the last of several counts, where no signature covers it', () => {
  const { url, fileSize } = parseNarinfo(`${TEXT}URL: x\nFileSize: 18\n`)
  assert.deepEqual({ url, fileSize }, { url: 'x', fileSize: 18 })
})

test('refuses invalid values', () => {
  const wrong: readonly (readonly [line: string, reason: RegExp])[] = [
    [`StorePath: ${A}`, /StorePath: store path: not in \/nix\/store/],
    [`StorePath: /nix/store/${A}/bin`, /StorePath: store path: more than a path/],
    [`StorePath: /nix/store/../${A}`, /StorePath: store path: not in \/nix\/store/],
    ['URL: ', /URL: narinfo: no URL/],
    [`URL: ${'a'.repeat(8193)}`, /no URL/],
    ['NarHash: sha1:143xibwh31h9bvxzalr0sjvbbvpa6ffs', /NarHash: narinfo: not SHA-256/],
    [`NarHash: ${HEX}`, /NarHash: hash: names no known algorithm/],
    [`NarHash: sha256:${HEX.slice(2)}`, /NarHash: /],
    [`NarHash: sha256:${NIX32.toUpperCase()}`, /not a hash of sha256/],
    ['NarSize: 0', /NarSize: narinfo: no NAR is empty/],
    ['NarSize: -120', /no size in bytes/],
    ['NarSize: 1e3', /no size in bytes/],
    ['NarSize: 0x10', /no size in bytes/],
    ['NarSize: 9007199254740992', /no size in bytes/],
    ['NarSize: 120 ', /no size in bytes/],
    [`References: /nix/store/${A}`, /References: store path: more than a path/],
    [`References: ${A},${B}`, /References: store path: has a character in its name/],
    [`References: ../${A}`, /References: store path: more than a path/],
    ['CA: sha256', /CA: content address: unknown form/],
  ]
  for (const [line, reason] of wrong) {
    const name = line.split(':')[0] ?? ''
    refuses(() => parseNarinfo(withLine(name, line)), reason)
  }
  refuses(() => parseNarinfo(`${TEXT}CA: fixed:sha256:${NIX32}\n`), /two different CA/)
})

test('refuses excessive sizes and counts', () => {
  refuses(() => parseNarinfo(`${TEXT}${'x'.repeat(NARINFO_LIMIT)}`), /longer than 1048576 characters/)
  const references = Array.from({ length: 10_001 }, (_, index) => `${A}${index}`)
  refuses(
    () => parseNarinfo(withLine('References', `References: ${references.join(' ')}`)),
    /more than 10000/,
  )
})

test('reads references as a set, with any spaces between them', () => {
  const { references } = parseNarinfo(withLine('References', `References:  ${B}   ${A} ${B} `))
  assert.deepEqual(references, [`/nix/store/${A}`, `/nix/store/${B}`])
})

test('refuses every change of a character that a signature covers, or reads something else', () => {
  const narinfo = parseNarinfo(TEXT)
  fc.assert(
    fc.property(fc.nat(TEXT.length - 1), fc.integer({ min: 0, max: 255 }), (at, code) => {
      const changed = `${TEXT.slice(0, at)}${String.fromCharCode(code)}${TEXT.slice(at + 1)}`
      let read: Narinfo
      try {
        read = parseNarinfo(changed)
      } catch (error) {
        assert.ok(error instanceof FormatError)
        return
      }
      const line = TEXT.slice(TEXT.lastIndexOf('\n', at - 1) + 1).split('\n')[0] ?? ''
      const isCovered = /^(?:StorePath|NarHash|NarSize|References):/.test(line)
      if (changed !== TEXT && isCovered) assert.notDeepEqual(coveredBy(read), coveredBy(narinfo))
      else if (!isCovered) assert.deepEqual(coveredBy(read), coveredBy(narinfo))
    }),
    { numRuns: 2000 },
  )
})

test('signs full paths, sorted, each once', () => {
  const [a, b] = [`/nix/store/${A}`, `/nix/store/${B}`]
  const signed = { path: a, narHash: HEX, narSize: 120, references: [b, a, b] }
  assert.equal(narFingerprint(signed), `1;${a};sha256:${NIX32};120;${a},${b}`)
  assert.equal(narFingerprint({ ...signed, references: [] }), `1;${a};sha256:${NIX32};120;`)
})

test('signs nothing that could be read as something else', () => {
  const a = `/nix/store/${A}`
  const signed = { path: a, narHash: HEX, narSize: 120, references: [] }
  refuses(() => narFingerprint({ ...signed, references: [`${a},${a}`] }), /store path: /)
  refuses(() => narFingerprint({ ...signed, path: `${a};sha256:${NIX32};1;` }), /store path: /)
  refuses(() => narFingerprint({ ...signed, narHash: HEX.toUpperCase() }), /not a SHA-256 in hex/)
  for (const narSize of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
    refuses(() => narFingerprint({ ...signed, narSize }), /not the size of a NAR/)
  }
})

test('prints nothing that adds a line', () => {
  const narinfo = parseNarinfo(TEXT)
  for (const url of ['x\nSig: forged:abc', 'x\r', 'x\0', 'ä']) {
    refuses(() => printNarinfo({ ...narinfo, url }), /narinfo: URL is not visible ASCII/)
  }
  refuses(() => printNarinfo({ ...narinfo, signatures: ['a\nCA: x'] }), /Sig is not visible ASCII/)
  refuses(() => printNarinfo({ ...narinfo, references: [`/nix/store/${A} ${B}`] }), /store path: /)
})

test('refuses a content address that does not lead to the path', () => {
  assert.equal(isContentAddressed(parseNarinfo(TEXT)), false)
  assert.equal(isContentAddressed(parseNarinfo(withLine('CA'))), false)
  const flat = withLine('CA', `CA: fixed:sha256:${NIX32}`) // with references, which such a path cannot have
  assert.equal(isContentAddressed(parseNarinfo(flat)), false)
})
