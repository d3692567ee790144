import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { textOf } from '../../../src/formats/nix/aterm.ts'
import {
  DERIVATION_LIMIT,
  type Derivation,
  derivationPathOf,
  derivationReferences,
  parseDerivation,
  printDerivation,
  variableOf,
} from '../../../src/formats/nix/derivation.ts'
import type { DerivationOutput } from '../../../src/formats/nix/derivation-output.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { privateNix } from '../../support/private-nix.ts'
import { refuses } from '../../support/refuses.ts'

const VECTORS = join(PROJECT_ROOT, 'test/vectors/nix')
const FILES = readdirSync(VECTORS).filter(file => file.endsWith('.drv'))

const nix = privateNix()
after(nix.remove)

function vector(name: string): Buffer {
  const file = FILES.find(file => file.slice(33) === `${name}.drv`)
  assert.ok(file !== undefined, name)
  return readFileSync(join(VECTORS, file))
}

test('gives every kind of derivation back byte for byte, and under its own store path', () => {
  assert.equal(FILES.length, 14)
  for (const file of FILES) {
    const bytes = readFileSync(join(VECTORS, file))
    assert.deepEqual(Buffer.from(printDerivation(parseDerivation(bytes))), bytes, file)
    assert.equal(derivationPathOf(bytes, file.slice(33)), `/nix/store/${file}`)
  }
})

test('tells the kinds of outputs apart', () => {
  const kinds: Readonly<Record<string, readonly string[]>> = {
    'input-addressed': ['dev input-addressed', 'lib input-addressed', 'out input-addressed'],
    structured: ['out input-addressed'],
    'fixed-flat': ['out fixed flat sha256'],
    'fixed-recursive': ['out fixed recursive sha256'],
    'fixed-sha512': ['out fixed flat sha512'],
    'fixed-md5-recursive': ['out fixed recursive md5'],
    'fixed-sha1': ['out fixed flat sha1'],
    'fixed-git': ['out fixed git sha1'],
    'fixed-blake3': ['out fixed flat blake3'],
    'fixed-text.drv': ['out fixed text sha256'],
    floating: ['dev floating recursive sha256', 'out floating recursive sha256'],
    deferred: ['out deferred'],
    impure: ['out impure recursive sha256'],
    dynamic: ['out deferred'],
  }
  const described = (output: DerivationOutput) =>
    [output.name, output.kind, ...('method' in output ? [output.method, output.algorithm] : [])].join(' ')
  for (const [name, expected] of Object.entries(kinds)) {
    assert.deepEqual(parseDerivation(vector(name)).outputs.map(described), expected, name)
  }
})

test('reads outputs of outputs', () => {
  const { version, inputDerivations } = parseDerivation(vector('dynamic'))
  assert.equal(version, 'xp-dyn-drv')
  assert.deepEqual(
    inputDerivations.map(({ path, ...used }) => [path.slice(44), used]),
    [
      ['leaf.drv', { outputs: ['out'], dynamic: [] }],
      [
        'grand.drv.drv.drv',
        {
          outputs: [],
          dynamic: [
            { output: 'out', outputs: [], dynamic: [{ output: 'out', outputs: ['dev'], dynamic: [] }] },
          ],
        },
      ],
      [
        'producer.drv.drv',
        { outputs: ['out'], dynamic: [{ output: 'out', outputs: ['lib', 'out'], dynamic: [] }] },
      ],
    ],
  )
  assert.equal(parseDerivation(vector('floating')).version, undefined)
})

test('reads escapes, bytes and structured attributes', () => {
  const plain = parseDerivation(vector('input-addressed'))
  assert.deepEqual(plain.args, ['-c', 'echo "\\\n\r\t$out'])
  const text = variableOf(plain, 'text') ?? ''
  assert.equal(textOf(text), `grün\n"quoted" \\ ${plain.inputSources[0]}`)
  assert.equal(text.slice(0, 5), 'gr\xc3\xbcn')
  assert.equal(variableOf(plain, 'nothing'), undefined)
  assert.equal(JSON.parse(variableOf(parseDerivation(vector('structured')), '__json') ?? '').list[1], 'two')
})

test('agrees with Nix about the references, the outputs and the environment of a .drv', () => {
  const expressions = join(VECTORS, 'derivations.nix')
  for (const name of ['input-addressed', 'structured', 'fixed-flat', 'fixed-recursive', 'deferred']) {
    const path = nix.say('nix-instantiate', expressions, '-A', name)
    const bytes = nix.run('cat', nix.real(path))
    assert.equal(derivationPathOf(bytes, path.slice(44)), path)
    const derivation = parseDerivation(bytes)
    assert.deepEqual(
      derivationReferences(derivation),
      nix.say('nix-store', '--query', '--references', path).split('\n').filter(Boolean).sort(),
    )
    for (const [variable, value] of derivation.env) {
      assert.equal(
        nix.run('nix-store', '--query', '--binding', variable, path).toString('latin1'),
        `${value}\n`,
      )
    }
    if (name === 'deferred') continue
    const paths = derivation.outputs.map(output => ('path' in output ? output.path : ''))
    assert.deepEqual(paths.sort(), nix.say('nix-store', '--query', '--outputs', path).split('\n').sort())
  }
})

test('a path commits to every byte of the .drv and to its name', () => {
  const bytes = vector('fixed-flat')
  const changed = Buffer.from(bytes.toString('latin1').replace('"/bin/sh"', '"/bin/sj"'), 'latin1')
  assert.notEqual(derivationPathOf(changed, 'x.drv'), derivationPathOf(bytes, 'x.drv'))
  assert.notEqual(derivationPathOf(bytes, 'y.drv'), derivationPathOf(bytes, 'x.drv'))
})

const PATH = '/nix/store/00000000000000000000000000000000-a'
const OTHER = '/nix/store/11111111111111111111111111111111-b'

interface Parts {
  readonly outputs?: string
  readonly inputs?: string
  readonly sources?: string
  readonly system?: string
  readonly builder?: string
  readonly args?: string
  readonly env?: string
}

/** A valid .drv with some parts replaced. */
function drv(parts: Parts = {}, head = 'Derive('): Buffer {
  const {
    outputs = '("out","","","")',
    inputs = '',
    sources = '',
    system = '"s"',
    builder = '"b"',
    args = '',
    env = '',
  } = parts
  return Buffer.from(
    `${head}[${outputs}],[${inputs}],[${sources}],${system},${builder},[${args}],[${env}])`,
    'latin1',
  )
}

function refusesParts(parts: Parts, reason: RegExp): void {
  refuses(() => parseDerivation(drv(parts)), reason)
}

test('refuses what is repeated or out of order', () => {
  parseDerivation(drv())
  refusesParts({ env: '("a","1"),("a","2")' }, /derivation: "a" is repeated \(offset \d+\)/)
  refusesParts({ env: '("b",""),("a","")' }, /"a" is out of order/)
  refusesParts({ env: '("a",""),("B","")' }, /"B" is out of order/)
  refusesParts({ env: '("\xff",""),("z","")' }, /"z" is out of order/)
  refusesParts({ outputs: '("out","","",""),("out","","","")' }, /"out" is repeated/)
  refusesParts({ outputs: '("out","","",""),("dev","","","")' }, /"dev" is out of order/)
  refusesParts({ sources: `"${PATH}","${PATH}"` }, /"\/nix\/store\/0+-a" is repeated/)
  refusesParts({ sources: `"${OTHER}","${PATH}"` }, /"\/nix\/store\/0+-a" is out of order/)
  refusesParts({ inputs: `("${PATH}.drv",["out"]),("${PATH}.drv",["dev"])` }, /a\.drv" is repeated/)
  refusesParts({ inputs: `("${OTHER}.drv",["out"]),("${PATH}.drv",["out"])` }, /a\.drv" is out of order/)
  refusesParts({ inputs: `("${PATH}.drv",["out","out"])` }, /"out" is repeated/)
  refusesParts({ inputs: `("${PATH}.drv",["out","dev"])` }, /"dev" is out of order/)
})

test('refuses meaningless outputs, and mixed kinds', () => {
  const hash = 'ab'.repeat(32)
  refusesParts({ outputs: '' }, /derivation: no outputs/)
  refusesParts({ outputs: `("dev","","",""),("out","${PATH}","","")` }, /outputs of two kinds/)
  refusesParts(
    { outputs: `("dev","${PATH}","sha256","${hash}"),("out","${PATH}","sha256","${hash}")` },
    /must be the only one/,
  )
  refusesParts(
    { outputs: `("dev","${PATH}","sha256","${hash}")` },
    /a fixed output must be the only one and be named out/,
  )
  refusesParts({ outputs: `("out","","sha256","${hash}")` }, /output "out": store path: not in/)
  refusesParts({ outputs: `("out","${PATH}","","${hash}")` }, /hash without an algorithm/)
  refusesParts({ outputs: `("out","${PATH}","sha256","")` }, /path that cannot be known yet/)
  refusesParts({ outputs: `("out","${PATH}","r:sha256","impure")` }, /path that cannot be known yet/)
  refusesParts({ outputs: '("out","","","impure")' }, /hash without an algorithm/)
  refusesParts({ outputs: `("out","${PATH}","sha256","${hash.toUpperCase()}")` }, /not a sha256 in hex/)
  refusesParts({ outputs: `("out","${PATH}","sha256","${hash}00")` }, /not a sha256 in hex/)
  refusesParts({ outputs: `("out","${PATH}","sha1","${hash}")` }, /not a sha1 in hex/)
  refusesParts({ outputs: `("out","${PATH}","nar:sha256","${hash}")` }, /not a method and algorithm/)
  refusesParts({ outputs: '("","","","")' }, /"" cannot name an output/)
  refusesParts({ outputs: '("a/b","","","")' }, /"a\/b" cannot name an output/)
})

test('refuses invalid paths, and inputs that are not derivations or not used', () => {
  refusesParts({ outputs: `("out","${PATH}/bin","","")` }, /more than a path directly in the store/)
  refusesParts({ sources: '"/etc/passwd"' }, /not in \/nix\/store/)
  refusesParts({ sources: '""' }, /not in \/nix\/store/)
  refusesParts({ inputs: `("${PATH}",["out"])` }, /is not a derivation/)
  refusesParts({ inputs: `("${PATH}.drv/x",["out"])` }, /more than a path directly in the store/)
  refusesParts({ inputs: `("${PATH}.drv",[])` }, /no output is used/)
})

test('refuses a second spelling of a string', () => {
  refusesParts({ builder: '"\\b"' }, /derivation: \\b is not an escape/)
  refusesParts({ builder: '"a\nb"' }, /may not stand anywhere/)
  refusesParts({ builder: '"a\tb"' }, /may not stand anywhere/)
  refusesParts({ builder: '"a\rb"' }, /may not stand anywhere/)
  refusesParts({ builder: '"a\0b"' }, /may not stand anywhere/)
  refusesParts({ system: '"a\\"b"' }, /an escape may not stand here/)
  refusesParts({ outputs: '("o\\\\ut","","","")' }, /an escape may not stand here/)
  refusesParts({ sources: `"${PATH}\\n"` }, /an escape may not stand here/)
})

test('refuses other spellings of the whole', () => {
  const text = drv().toString('latin1')
  const variants: readonly (readonly [text: string, reason: RegExp])[] = [
    ['', /DrvWithVersion\( is missing \(offset 0\)/],
    [` ${text}`, /DrvWithVersion\( is missing \(offset 0\)/],
    [`${text}\n`, /may not stand anywhere/],
    [`${text} `, /something follows the derivation/],
    [`${text}${text}`, /something follows the derivation/],
    [text.replace(',[]', ', []'), /\[ is missing/],
    [text.replace('("out"', '( "out"'), /" is missing/],
    [text.replace('"")]', '""),]'), /\( is missing/],
    [text.replace('Derive', 'derive'), /DrvWithVersion\( is missing/],
    [text.replace('Derive(', 'DrvWithVersion("xp-dyn-drv",'), /without a dynamic input/],
    [text.replace('Derive(', 'DrvWithVersion("xp-dyn-drv-2",'), /version is not xp-dyn-drv/],
    [text.replace('Derive(', 'DrvWithVersion('), /" is missing/],
  ]
  for (const [variant, reason] of variants)
    refuses(() => parseDerivation(Buffer.from(variant, 'latin1')), reason)
})

test('accepts outputs of outputs only in the dynamic form, and not if unused or nested too deeply', () => {
  const head = 'DrvWithVersion("xp-dyn-drv",'
  const inputs = `("${PATH}.drv",([],[("out",["x"])]))`
  const { inputDerivations } = parseDerivation(drv({ inputs }, head))
  assert.deepEqual(inputDerivations, [
    { path: `${PATH}.drv`, outputs: [], dynamic: [{ output: 'out', outputs: ['x'], dynamic: [] }] },
  ])
  const deepest = `${'([],[("out",'.repeat(16)}["x"]${')])'.repeat(16)}`
  parseDerivation(drv({ inputs: `("${PATH}.drv",${deepest})` }, head))
  refusesParts({ inputs }, /\[ is missing/)
  const refused: readonly (readonly [used: string, reason: RegExp])[] = [
    ['(["out"],[])', /no output of an output is used/],
    ['([],[("out",[])])', /no output is used/],
    ['([],[("out",["x"]),("out",["y"])])', /"out" is repeated/],
    ['([],[("out",["x"]),("dev",["y"])])', /"dev" is out of order/],
    ['([],[("a:b",["x"])])', /"a:b" cannot name an output/],
    [`${'([],[("out",'.repeat(17)}["x"]${')])'.repeat(17)}`, /\[ is missing/],
    [`${'([],[("out",'.repeat(100_000)}`, /\[ is missing/],
  ]
  for (const [used, reason] of refused) {
    refuses(() => parseDerivation(drv({ inputs: `("${PATH}.drv",${used})` }, head)), reason)
  }
})

test('refuses a .drv that is cut off anywhere', () => {
  for (const name of ['input-addressed', 'dynamic']) {
    const bytes = vector(name)
    for (let length = 0; length < bytes.length; length++) {
      refuses(() => parseDerivation(bytes.subarray(0, length)), /^derivation: /)
    }
  }
})

test('refuses every .drv with one byte changed, or prints it as it is', () => {
  const changes = fc.tuple(fc.constantFrom(...FILES), fc.nat(), fc.nat({ max: 255 }))
  fc.assert(
    fc.property(changes, ([file, position, byte]) => {
      const bytes = readFileSync(join(VECTORS, file))
      bytes[position % bytes.length] = byte
      let derivation: Derivation
      try {
        derivation = parseDerivation(bytes)
      } catch (error) {
        assert.ok(error instanceof FormatError)
        return
      }
      assert.deepEqual(Buffer.from(printDerivation(derivation)), bytes)
    }),
    { numRuns: 1000 },
  )
})

test('reads back any bytes in strings', () => {
  const texts = fc.stringMatching(/^[\x01-\xff]{0,30}$/)
  const env = fc.uniqueArray(fc.tuple(texts, texts), { selector: ([name]) => name })
  fc.assert(
    fc.property(texts, fc.array(texts), env, (builder, args, variables) => {
      const derivation: Derivation = {
        ...parseDerivation(drv()),
        builder,
        args,
        env: variables.toSorted(([a], [b]) => (a < b ? -1 : 1)),
      }
      assert.deepEqual(parseDerivation(printDerivation(derivation)), derivation)
    }),
  )
})

test('reads a value of many megabytes, and refuses a file past the limit', () => {
  const value = 'x\\n'.repeat(8 * 1024 * 1024)
  const derivation = parseDerivation(drv({ env: `("a","${value}")` }))
  assert.equal(derivation.env[0]?.[1].length, 16 * 1024 * 1024)
  refuses(() => parseDerivation(Buffer.alloc(DERIVATION_LIMIT + 1)), /larger than 67108864 bytes/)
})

test('escapes what it quotes', () => {
  refusesParts({ outputs: '("\x1b[31m","","","")' }, /"\\u\{1b\}\[31m" cannot name an output/)
  refusesParts({ env: '("\x1b",""),("\x1b","")' }, /"\\u\{1b\}" is repeated/)
})
