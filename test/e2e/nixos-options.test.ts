/** What the module for NixOS makes of options: every example of docs/how-to/nixos.md, and what it says of mistakes. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type DocumentedOption, optionsPage } from '../docs/options-page.ts'
import {
  BUILDS_HERE,
  BUILDS_THERE,
  bringCheckout,
  build,
  CHECKOUT,
  evaluate,
  evaluationError,
  systemOf,
} from '../support/nixos.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const PAGE = readFileSync(join(PROJECT_ROOT, 'docs/how-to/nixos.md'), 'utf8')
const GOLDEN = join(PROJECT_ROOT, 'test/golden/nixos')
/** Writes the golden files in place of comparing with them. */
const UPDATES = process.env['NIXSIG_UPDATE_GOLDEN'] === '1'

/** Modules of the page, by the name behind the language. */
const EXAMPLES = [...PAGE.matchAll(/^```nix (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = '', module = '']) => ({
  name,
  module,
}))

/** What is compared of a system. */
const FILES = [
  'nix/nix.conf',
  'nixsig/policy.toml',
  'systemd/system/nixsig.service',
  'systemd/system/nixsig.socket',
  'systemd/system/nixsig-judge.socket',
  'systemd/system/nixsig-keys.service',
  'systemd/system/nixsig-audit.service',
  'systemd/system/nixsig-audit.timer',
  'tmpfiles.d/00-nixos.conf',
]

function isGolden(name: string, file: string, text: string): void {
  const golden = join(GOLDEN, name, file.split('/').at(-1) ?? '')
  if (UPDATES) {
    mkdirSync(dirname(golden), { recursive: true })
    writeFileSync(golden, text)
  }
  assert.ok(existsSync(golden), `${golden} is missing (NIXSIG_UPDATE_GOLDEN=1 writes it)`)
  assert.equal(text, readFileSync(golden, 'utf8'), golden)
}

/** Of a failed evaluation or an assertion that does not hold: the sentences that nixsig says. */
async function complaintOn(world: World, module: string): Promise<string> {
  const error = await evaluationError(world, `(${systemOf(module)}).config.system.build.toplevel.outPath`)
  return error.replaceAll(/\s+/g, ' ')
}

const on = (settings: string) => `{ lib, pkgs, ... }: { security.nixsig.enable = true; ${settings} }`

/** Contradictions: what is set, and what is said of it, two ways out among it. */
const CONTRADICTIONS: readonly (readonly [set: string, ...says: readonly string[]])[] = [
  [
    'nix.settings.sandbox = false;',
    'nix.settings.sandbox is set to false in',
    'Nix calls the pre-build hook for sandboxed builds alone. Either take nix.settings.sandbox out there, or disable nixsig',
  ],
  ['nix.settings.sandbox = "relaxed";', 'nix.settings.sandbox is set to relaxed in'],
  ['nix.settings.sandbox = lib.mkForce false;', 'nix.settings.sandbox is set to false in'],
  ['nix.settings.build-use-sandbox = false;', 'nix.settings.sandbox is set to false in'],
  ['nix.settings.sandbox-fallback = lib.mkForce true;', 'nix.settings.sandbox-fallback is set to true in'],
  [
    'nix.settings.trusted-users = [ "root" "@wheel" ];',
    'nix.settings.trusted-users is set to @wheel in',
    'trusted users can switch off whatever stands before Nix',
  ],
  ['nix.settings.extra-trusted-users = "alice";', 'nix.settings.trusted-users is set to alice in'],
  [
    'nix.settings.substituters = [ "https://cache.example.org" ];',
    'nix.settings.substituters is set to https://cache.example.org in',
    'Nix would ask them past the gate. Either list them in security.nixsig.gate.upstreams, or take nix.settings.substituters out there',
  ],
  ['nix.settings.extra-substituters = [ "https://x.example.org" ];', 'is set to https://x.example.org in'],
  ['nix.extraOptions = "binary-caches = https://y.example.org";', 'is set to https://y.example.org in'],
  ['nix.extraOptions = "  extra-substituters=https://z.example.org";', 'is set to https://z.example.org in'],
  [
    'nix.settings.trusted-substituters = [ "https://x.example.org" ];',
    'every user could have Nix ask them past the gate',
  ],
  [
    'nix.settings.trusted-public-keys = [ "x-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw=" ];',
    'Nix would take what they signed without asking the policy. Either make them principals',
  ],
  [
    'nix.settings.experimental-features = [ "nix-command" "ca-derivations" ];',
    'has ca-derivations: outputs are then known by what somebody says that a derivation made, and nobody signs that',
  ],
  ['nix.settings.experimental-features = "nix-command impure-derivations";', 'has impure-derivations:'],
  [
    'nix.settings.accept-flake-config = true;',
    'every flake that root uses could switch off whatever stands before Nix',
  ],
  ['nix.settings.fallback = true;', 'Nix would build in its place what the gate refused'],
  ['nix.settings.require-sigs = false;', 'Nix would take whatever a cache has'],
  [
    'nix.settings.post-build-hook = "/etc/upload";',
    "Nix has room for one, and it has to be nixsig's. Either take nix.settings.post-build-hook out there, or leave nixsig's out",
  ],
  ['nix.settings.build-hook = "/etc/hook";', 'security.nixsig.without = [ "build-hook" ]'],
  [
    'security.nixsig.without = [ "build-hook" ]; nix.distributedBuilds = true; nix.buildMachines = [ { hostName = "b"; } ];',
    'they would be sent derivations that nobody judged. Either take "build-hook" out of security.nixsig.without, or set nix.distributedBuilds = false.',
  ],
  [
    'security.nixsig.without = [ "hooks" ];',
    'which would refuse every build: it lets in what the hooks let start. Either leave out "plugin" as well, or take "hooks" out of it.',
  ],
  [
    'nix.package = pkgs.nix // { pname = "lix"; };',
    'Lix goes on without a plugin that it cannot load. Either set nix.package = pkgs.nix, or disable nixsig',
  ],
  ['nix.package = pkgs.nix // { version = "2.7.0"; };', 'needs Nix 2.8 or later'],
  ['nix.enable = false;', 'nix.enable is false'],
  [
    'nix.settings = lib.mkForce { substituters = [ ]; trusted-public-keys = [ ]; trusted-users = [ "root" ]; };',
    'nix.settings lost what nixsig sets there: build-hook,',
  ],
  [
    'security.nixsig.mode = "enforce";',
    'nobody is trusted: next to nothing could be built, this system included. Either list whom you trust in security.nixsig.principals, or begin with security.nixsig.mode = "warn".',
  ],
  [
    'security.nixsig.principals.carol.keys = [ "carol-9:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU=" ]; security.nixsig.trustedLists = [ /srv/checkout/test/nixpkgs/trusted-list.toml ];',
    'carol comes from more than one place among principals, groups and trusted lists',
  ],
]

/** Values that are of no use: where, and what would be. */
const MISTAKES: readonly (readonly [set: string, ...says: readonly string[]])[] = [
  ['mode = "off";', 'security.nixsig.mode', 'one of "warn", "enforce"'],
  ['modus = "warn";', 'security.nixsig.modus', 'does not exist'],
  ['without = [ "gates" ];', 'one of "hooks", "build-hook", "plugin", "gate"'],
  ['machineKeyFile = ./key;', 'security.nixsig.machineKeyFile', 'in quotes and outside the store'],
  ['gate.keyFile = pkgs.git + "/key";', 'security.nixsig.gate.keyFile', 'outside the store'],
  ['principals.alice = { };', 'security.nixsig.principals.alice.keys', 'has no value defined'],
  ['principals.alice.keys = [ ];', 'security.nixsig.principals.alice.keys', 'non-empty'],
  ['principals.alice.keys = [ { gpg = "x"; } ];', '.gpg', 'does not exist'],
  ['groups.g = { members = [ "self" ]; threshold = 0; };', 'security.nixsig.groups.g.threshold', '>0'],
  ['default.require.source = [ ];', 'security.nixsig.default.require.source', 'name of a principal or group'],
  [
    'rules = [ { match.kind = "tarball"; } ];',
    'one of "fetched-source", "local-source", "derivation", "output"',
  ],
  ['exemptions = [ { name = "x"; reason = "y"; until = "tomorrow"; } ];', 'date such as'],
  ['exemptions = [ { name = "x"; until = "2030-01-01"; } ];', 'reason', 'has no value defined'],
  ['gate.upstreams = [ "ftp://cache.example.org" ];', 'begins with https://, http:// or file://'],
  ['gate.listen = "localhost:4649";', 'IP address and port'],
  ['store.sources = "all";', 'one of "data", "attested"'],
  ['trustedLists = [ /srv/l.toml ];', 'l.toml has mode; a trusted list has principals, groups, revocations'],
]

/** What types cannot say, and `nixsig policy check` does when the system is built. */
const BAD_POLICIES: readonly (readonly [set: string, says: RegExp])[] = [
  ['default.require.source = "nobody";', /default\.require\.source.*nobody/],
  ['groups.g = { members = [ "self" ]; threshold = 2; };', /threshold/],
  ['principals.alice.keys = [ "alice" ];', /principals\.alice\.keys/],
  ['settings.mood = "good";', /mood: unknown field/],
  ['revocations = [ { principal = "bob"; date = "2026-01-01"; } ];', /revocations\[1\].*bob/],
]

for (const version of VERSIONS) {
  test(`${version}: the module for NixOS`, { timeout: 600_000 }, async context => {
    await withWorld(version, { hooks: false, nixConf: BUILDS_HERE }, async world => {
      bringCheckout(world)
      world.write('/srv/l.toml', 'mode = "warn"\n')
      for (const { name, module } of EXAMPLES) {
        await context.test(`the example "${name}" makes the golden files`, async () => {
          const { status, stdout, stderr } = await build(
            world,
            `(${systemOf(module, BUILDS_THERE)}).config.system.build.toplevel`,
          )
          assert.equal(status, 0, stderr)
          for (const file of FILES) {
            const text = await world.output(`cat ${stdout.trim()}/etc/${file}`)
            isGolden(name, file, `${text.replaceAll(/\/nix\/store\/[0-9a-z]{32}-/g, '/nix/store/…-')}\n`)
          }
        })
      }
      for (const [set, ...says] of CONTRADICTIONS) {
        await context.test(`contradiction: ${set}`, async () => {
          const complaint = await complaintOn(world, on(set))
          for (const words of says) assert.ok(complaint.includes(words), `${complaint}\nlacks: ${words}`)
          assert.match(complaint, /Either .*, or /)
        })
      }
      await context.test('what is set with mkDefault gives way', async () => {
        const set = 'nix.settings = { sandbox = lib.mkDefault false; fallback = lib.mkDefault true; };'
        const settings = await evaluate(world, `(${systemOf(on(set))}).config.nix.settings`)
        assert.deepEqual(
          ['sandbox', 'fallback'].map(name => (settings as Record<string, unknown>)[name]),
          [true, false],
        )
      })
      await context.test('plugins of others stay', async () => {
        const set = 'nix.settings.plugin-files = [ "/etc/theirs.so" ];'
        const files = await evaluate(world, `(${systemOf(on(set))}).config.nix.settings.plugin-files`)
        assert.deepEqual(
          (files as string[]).map(file => file.split('/').at(-1)),
          ['theirs.so', 'nixsig-plugin.so'],
        )
      })
      for (const [set, ...says] of MISTAKES) {
        await context.test(`mistake: ${set}`, async () => {
          const complaint = await complaintOn(world, on(`security.nixsig = { ${set} };`))
          for (const words of says) assert.ok(complaint.includes(words), `${complaint}\nlacks: ${words}`)
        })
      }
      for (const [set, says] of BAD_POLICIES) {
        await context.test(`a bad policy is not built: ${set}`, async () => {
          const { status, stderr } = await build(
            world,
            `(${systemOf(on(`security.nixsig = { ${set} };`))}).config.security.nixsig.policyFile`,
          )
          assert.notEqual(status, 0)
          assert.match(stderr, says)
        })
      }
      await context.test('docs/options.md is what the module says', async () => {
        const told = await evaluate(
          world,
          `let system = ${systemOf()}; in import ${CHECKOUT}/nix/options-doc.nix { inherit (system) lib options; }`,
        )
        const page = optionsPage(told as readonly DocumentedOption[])
        const file = join(PROJECT_ROOT, 'docs/options.md')
        if (process.env['NIXSIG_UPDATE_DOCS'] === '1') writeFileSync(file, page)
        assert.equal(page, readFileSync(file, 'utf8'))
      })
      await context.test('every row of the table of contradictions is one that is tried here', () => {
        const [, table = ''] = /## What contradicts it\n([\s\S]*?)\n## /.exec(PAGE) ?? []
        const rows = [...table.matchAll(/^\| .* \| `(.*)` \|$/gm)].map(([, message = '']) => message)
        assert.ok(rows.length > 10)
        for (const row of rows)
          assert.ok(
            CONTRADICTIONS.some(([, ...says]) => says.join(' ').includes(row)),
            row,
          )
      })
    })
  })
}
