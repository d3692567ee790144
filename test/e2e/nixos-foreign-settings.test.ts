/**
 * Random settings of other NixOS modules, of every priority and order and in every spelling: the
 * system is refused if and only if Nix itself, reading the nix.conf with or without nixsig, would
 * let something past it.
 */
// takes: 1 minute
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseConf } from '../../src/nix-config/conf-text.ts'
import { assignment } from '../../src/nix-config/settings.ts'
import {
  BUILDS_HERE,
  bringCheckout,
  build,
  DIST_PACKAGE,
  evaluate,
  STAND_IN,
  systemOf,
} from '../support/nixos.ts'
import { type Foreign, foreignModules, isForced, isLate, modulesText } from '../support/nixos-foreign.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const CASES = Number(process.env['NIXSIG_CASES'] ?? 150)
const AT_ONCE = 50
const GATE = 'http://127.0.0.1:4649'
const NIXOS_CACHE = ['https://cache.nixos.org', 'https://cache.nixos.org/']
const NIXOS_KEY = 'cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='

/** What `nix config show` prints of a nix.conf, and what the file itself says last. */
interface Read {
  /** Nix refuses the whole file, so nothing gets past anything. */
  readonly isRefused: boolean
  readonly shown: ReadonlyMap<string, string>
  readonly said: ReadonlyMap<string, string>
}

interface Case {
  readonly foreign: Foreign
  /** Undefined: the module system itself refuses. */
  readonly failed: readonly string[] | undefined
  readonly withNixsig: Read
  readonly without: Read
}

function saidIn(text: string): ReadonlyMap<string, string> {
  const said = new Map<string, string>()
  for (const line of parseConf(text)) {
    if (line.kind !== 'setting') continue
    const { name, value, isAddition } = assignment(line.name, line.value, '')
    said.set(name, isAddition ? `${said.get(name) ?? ''} ${value}`.trim() : value)
  }
  return said
}

const wordsOf = (value: string | undefined) => (value ?? '').split(/\s+/).filter(word => word !== '')
const isTrue = (value: string | undefined) => value === 'true' || value === 'yes' || value === '1'
const FEATURES = ['ca-derivations', 'impure-derivations', 'dynamic-derivations']
const isExposed = (path: string) => /^(\S+=)?\/+(var\/+lib\/+nixsig|run\/+nixsig)(\/|\?|$)/.test(path)

/** What is wrong whether or not nixsig is there; `allowed`: caches and keys beside the gate. */
function holes(
  { isRefused, shown, said }: Read,
  caches: readonly string[],
  keys: readonly string[],
): readonly string[] {
  if (isRefused) return []
  const value = (name: string) => shown.get(name) ?? said.get(name)
  const others = (name: string, allowed: readonly string[]) =>
    wordsOf(value(name)).some(word => !allowed.includes(word))
  const found: Readonly<Record<string, boolean>> = {
    sandbox: !isTrue(value('sandbox')),
    'sandbox-fallback': isTrue(value('sandbox-fallback')),
    'sandbox-paths': wordsOf(value('sandbox-paths')).some(isExposed),
    'trusted-users': others('trusted-users', ['root']),
    substituters: others('substituters', [GATE, ...caches]),
    'trusted-substituters': others('trusted-substituters', [GATE]),
    'trusted-public-keys': others('trusted-public-keys', keys),
    'require-sigs': !isTrue(value('require-sigs')),
    fallback: isTrue(value('fallback')),
    'experimental-features': FEATURES.some(name => wordsOf(value('experimental-features')).includes(name)),
    'secret-key-files': wordsOf(value('secret-key-files')).some(file => file.startsWith('/var/lib/nixsig/')),
    store: others('store', ['auto', 'local', 'daemon']),
    'filter-syscalls': !isTrue(value('filter-syscalls') ?? 'true'),
    'accept-flake-config': isTrue(value('accept-flake-config')),
    'external-builders': others('external-builders', ['[]']),
  }
  return Object.keys(found).filter(name => found[name])
}

/**
 * Settings that only nixsig has: whoever sets them asks for something else. A post-build-hook that
 * is one program runs after nixsig's.
 */
function claims({ said }: Read): readonly string[] {
  const isCarried = /^\/\S+$/.test(said.get('post-build-hook') ?? '')
  const hooks = ['pre-build-hook', 'post-build-hook', 'build-hook'].filter(
    name => said.has(name) && !(name === 'post-build-hook' && isCarried),
  )
  const ttls = ['positive', 'negative'].map(kind => `narinfo-cache-${kind}-ttl`)
  return [...hooks, ...ttls.filter(name => (said.get(name) ?? '0') !== '0')]
}

/** What of nixsig's own is not in force. */
function missing({ isRefused, shown, said }: Read): readonly string[] {
  if (isRefused) return []
  const own: Readonly<Record<string, RegExp>> = {
    'pre-build-hook': /^\/nix\/store\/\S+-nixsig\/libexec\/nixsig\/native\/pre-build-hook$/,
    'post-build-hook': /^\/nix\/store\/\S+-nixsig\/libexec\/nixsig\/native\/post-build-hook$/,
    'build-hook': /^\/nix\/store\/\S+-nixsig\/libexec\/nixsig\/build-hook$/,
    'plugin-files': /(^| )\/nix\/store\/\S+-nixsig\/libexec\/nixsig\/native\/nixsig-plugin\.so( |$)/,
    'narinfo-cache-positive-ttl': /^0$/,
    'narinfo-cache-negative-ttl': /^0$/,
  }
  return Object.keys(own).filter(name => !own[name]?.test(shown.get(name) ?? said.get(name) ?? ''))
}

/** Evaluates systems with and without nixsig; returns what fails, and both texts of nix.conf. */
async function evaluated(world: World, cases: readonly Foreign[]) {
  const both = cases.map(foreign => {
    const on = systemOf('{ security.nixsig.enable = true; }', ...modulesText(foreign, 'all'))
    const off = systemOf(...modulesText(foreign, 'counting'))
    return `{ on = ${on}; off = ${off}; }`
  })
  return (await evaluate(
    world,
    `let
      textOf = system: system.config.environment.etc."nix/nix.conf".source.text;
      tell = { on, off }: let
        told = {
          failed = map (a: a.message) (builtins.filter (a: !a.assertion) on.config.assertions);
          withNixsig = textOf on;
          without = textOf off;
        };
        tried = builtins.tryEval (builtins.deepSeq told told);
      in if tried.success then tried.value else null;
    in map tell [ ${both.join('\n')} ]`,
  )) as readonly (null | { failed: string[]; withNixsig: string; without: string })[]
}

/** Has Nix itself read texts of nix.conf. */
async function readByNix(world: World, texts: readonly string[]): Promise<readonly Read[]> {
  for (const [at, text] of texts.entries()) world.write(`/srv/confs/${at}/nix.conf`, text)
  const show = world.nixVersion.startsWith('2.8.') ? 'show-config' : 'config show'
  await world.output(
    `for conf in /srv/confs/*; do
       NIX_CONF_DIR=$conf nix --extra-experimental-features nix-command ${show} >$conf/shown 2>$conf/said || echo failed >>$conf/shown
     done`,
  )
  const read = texts.map((text, at) => {
    const lines = world.read(`/srv/confs/${at}/shown`)
    const isRefused = /^failed$/m.test(lines)
    if (isRefused)
      assert.match(
        world.read(`/srv/confs/${at}/said`),
        /error: (setting|option) '\S+' has invalid value/,
        text,
      )
    return { isRefused, shown: saidIn(lines.replaceAll('#', '?')), said: saidIn(text) }
  })
  await world.output('rm -r /srv/confs')
  return read
}

async function judge(world: World, sample: readonly Foreign[]): Promise<readonly Case[]> {
  const told = await evaluated(world, sample)
  const texts = told.flatMap(one => (one === null ? [] : [one.withNixsig, one.without]))
  const read = [...(await readByNix(world, texts))]
  return sample.map((foreign, at) => {
    const one = told[at] ?? undefined
    const nothing: Read = { isRefused: true, shown: new Map(), said: new Map() }
    if (one === undefined) return { foreign, failed: undefined, withNixsig: nothing, without: nothing }
    return {
      foreign,
      failed: one.failed,
      withNixsig: read.shift() ?? nothing,
      without: read.shift() ?? nothing,
    }
  })
}

/** Both directions of the property; returns whether the system is refused. */
function check({ foreign, failed, withNixsig, without }: Case): boolean | undefined {
  if (failed === undefined) return undefined
  const asked = [...holes(without, NIXOS_CACHE, [NIXOS_KEY]), ...claims(without)]
  const past = [...holes(withNixsig, [], []), ...missing(withNixsig)]
  const isLost = foreign.lines.some(isForced)
  const why = `${modulesText(foreign, 'all').join('\n')}\nasked: ${asked}\npast: ${past}\nsaid: ${failed.join('\n')}`
  if (failed.length === 0) assert.deepEqual([asked, past], [[], []], why)
  else assert.ok(asked.length + past.length > 0 || isLost || isLate(foreign) || without.isRefused, why)
  return failed.length > 0
}

for (const version of VERSIONS) {
  test(`${version}: what others set is refused if and only if it would get past nixsig`, {
    timeout: 900_000,
  }, async () => {
    await withWorld(version, { hooks: false, nixConf: BUILDS_HERE }, async world => {
      bringCheckout(world)
      world.write('/srv/harmless.conf', '')
      world.write(
        '/srv/hostile.conf',
        `sandbox = false\nplugin-files =\nsubstituters = https://x.example.org\ntrusted-users = mallory\npre-build-hook =\nexperimental-features = ca-derivations\nstore = /mnt\n`,
      )
      await world.output(
        'ln -s "$(ls /lib/*/libz.so.1 /usr/lib/*/libz.so.1 2>/dev/null | head -n 1)" /srv/theirs.so',
      )
      // Nix loads the plugin when it shows what its settings are.
      const { status, stderr } = await build(world, `let pkgs = import ${STAND_IN} { }; in ${DIST_PACKAGE}`)
      assert.equal(status, 0, stderr)

      const seed = Date.now()
      const sample = fc.sample(foreignModules, { numRuns: CASES, seed })
      const seen = { refused: 0, passed: 0, broken: 0 }
      for (let at = 0; at < sample.length; at += AT_ONCE) {
        for (const one of await judge(world, sample.slice(at, at + AT_ONCE))) {
          try {
            const isRefused = check(one)
            if (isRefused === undefined) seen.broken++
            else if (isRefused) seen.refused++
            else seen.passed++
          } catch (error) {
            throw new Error(`seed ${seed}: ${(error as Error).message}`)
          }
        }
      }
      const least = CASES / 10
      assert.ok(seen.refused >= least && seen.passed >= least, JSON.stringify(seen))
    })
  })
}
