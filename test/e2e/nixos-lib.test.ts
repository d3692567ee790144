/**
 * The stand-in for nixpkgs' library against that library, given by NIXPKGS_LIB: whatever modules
 * write, both make the same of it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bringCheckout, bringLib, evaluate, REAL_LIB, STAND_IN } from '../support/nixos.ts'
import { OLDEST, type World, withWorld } from '../support/world.ts'

const CASES = Number(process.env['NIXSIG_CASES'] ?? 300)
const AT_ONCE = 100

const OPTIONS = `{
  options = {
    list = lib.mkOption { type = lib.types.listOf lib.types.str; default = [ "d" ]; };
    lines = lib.mkOption { type = lib.types.lines; default = ""; };
    flag = lib.mkOption { type = lib.types.bool; };
    maybe = lib.mkOption { type = lib.types.nullOr lib.types.int; default = null; };
    set = lib.mkOption {
      default = { };
      type = lib.types.submodule {
        freeformType = lib.types.attrsOf (lib.types.either lib.types.str (lib.types.listOf lib.types.str));
        options.inner = lib.mkOption { type = lib.types.listOf lib.types.int; default = [ ]; };
      };
    };
  };
}`

const VALUES: Readonly<Record<string, readonly string[]>> = {
  list: ['[ "a" ]', '[ "b" "c" ]', '[ ]', '[ (lib.mkIf false "x") (lib.mkForce "y") ]', '"wrong"'],
  lines: ['"one"', '"two\\nthree"', '""'],
  flag: ['true', 'false'],
  maybe: ['null', '1', '2'],
  'set.inner': ['[ 1 ]', '[ 2 3 ]'],
  'set.free': ['"x"', '[ "y" ]', '[ "z" ]'],
  'set.other': ['(lib.mkMerge [ (lib.mkBefore [ "m" ]) [ "n" ] ])'],
}

const AROUND = [
  ...['Force', 'Default', 'OptionDefault', 'Before', 'After', 'If true', 'If false'].map(
    one => `lib.mk${one}`,
  ),
  ...[10, 60, 100, 100.5, 1000].map(priority => `lib.mkOverride ${priority}`),
  ...[1, 1000, 3000].map(order => `lib.mkOrder ${order}`),
]
const MERGED = 'merged'

const around = fc.array(fc.constantFrom(...AROUND, MERGED), { maxLength: 3 })

/** Wrapped from the inside out; `merged` puts a value into a lib.mkMerge of its own. */
function wrap(value: string, names: readonly string[]): string {
  return names.reduce(
    (inner, name) => (name === MERGED ? `(lib.mkMerge [ ${inner} ])` : `(${name} ${inner})`),
    value,
  )
}

const module = fc.constantFrom(...Object.keys(VALUES)).chain(option =>
  fc
    .record({ value: fc.constantFrom(...(VALUES[option] ?? [])), inside: around, outside: around })
    .map(one => {
      const [first = '', second] = option.split('.')
      const value = wrap(one.value, one.inside)
      // An order of a whole set is one that nixpkgs' own submodules do not take.
      const outside = one.outside.filter(name => !/Before|After|Order/.test(name))
      const whole = second === undefined ? value : wrap(`{ ${second} = ${value}; }`, outside)
      return `{ config.${first} = ${whole}; }`
    }),
)

const systems = fc.array(module, { minLength: 1, maxLength: 4 })

/** The values of all options, and how strongly and where each is defined; null where there is an error. */
function told(world: World, cases: readonly (readonly string[])[]): Promise<unknown> {
  const lists = cases.map(modules => `[ ${modules.map(one => `(${one})`).join(' ')} ]`)
  return evaluate(
    world,
    `let
      lib = import ${STAND_IN}/lib;
      tell = modules: let
        inherit (lib.evalModules { modules = [ (${OPTIONS}) ] ++ modules; }) config options;
        try = value: let tried = builtins.tryEval (builtins.deepSeq value value); in if tried.success then [ tried.value ] else null;
      in {
        values = builtins.mapAttrs (name: _: try config.\${name}) options;
        priorities = builtins.mapAttrs (name: option: try option.highestPrio) options;
        orders = builtins.mapAttrs (name: option: try (map (d: d.priority or null) option.definitionsWithLocations)) options;
      };
      plain = told: builtins.mapAttrs (_: all: removeAttrs all [ "_module" ]) told;
    in map (modules: plain (tell modules)) [ ${lists.join('\n')} ]`,
  )
}

for (const version of OLDEST) {
  const skip = REAL_LIB === undefined && 'NIXPKGS_LIB names none'
  test(`${version}: the stand-in makes the same of modules as nixpkgs`, {
    skip,
    timeout: 600_000,
  }, async () => {
    await withWorld(version, { hooks: false }, async world => {
      bringCheckout(world, null)
      const seed = Date.now()
      const sample = fc.sample(systems, { numRuns: CASES, seed })
      const mine: unknown[] = []
      const theirs: unknown[] = []
      for (let at = 0; at < sample.length; at += AT_ONCE) {
        const some = sample.slice(at, at + AT_ONCE)
        bringLib(world, null)
        mine.push(...((await told(world, some)) as unknown[]))
        bringLib(world, REAL_LIB ?? null)
        theirs.push(...((await told(world, some)) as unknown[]))
      }
      for (const [at, modules] of sample.entries())
        assert.deepEqual(mine[at], theirs[at], `seed ${seed}:\n${modules.join('\n')}`)
    })
  })
}
