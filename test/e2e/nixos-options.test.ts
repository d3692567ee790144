/**
 * What the NixOS module makes of its options: every example of docs/how-to/nixos.md, and its
 * messages about mistakes.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { withTables } from '../docs/contradictions-table.ts'
import { type DocumentedOption, optionsPage } from '../docs/options-page.ts'
import {
  BUILDS_HERE,
  BUILDS_THERE,
  bringCheckout,
  build,
  CHECKOUT,
  evaluate,
  evaluationError,
  REAL_LIB,
  systemOf,
} from '../support/nixos.ts'
import { ACCEPTED } from '../support/nixos-accepted.ts'
import { BAD_POLICIES, EXAMPLES, MISTAKES, on, PAGE } from '../support/nixos-cases.ts'
import { CONTRADICTIONS, CONTRADICTIONS_BY_PLACE } from '../support/nixos-contradictions.ts'
import { signer } from '../support/trust.ts'
import { VERSIONS, type Version, type World, withWorld } from '../support/world.ts'

const GOLDEN = join(PROJECT_ROOT, 'test/golden/nixos')
/** Writes the golden files in place of comparing with them. */
const UPDATES = process.env['NIXSIG_UPDATE_GOLDEN'] === '1'

/** What is compared of a system. */
const FILES = [
  'nix/nix.conf',
  'nixsig/policy.toml',
  'nixsig/after-build',
  'systemd/system/nixsig.service',
  'systemd/system/nixsig.socket',
  'systemd/system/nixsig-judge.socket',
  'systemd/system/nixsig-ask.socket',
  'systemd/system/nixsig-keys.service',
  'systemd/system/nixsig-address.service',
  'systemd/system/nixsig-sync.service',
  'systemd/system/nixsig-lists.service',
  'systemd/system/nixsig-doctor.service',
  'systemd/system/nixsig-audit.service',
  'systemd/system/nixsig-audit.timer',
  'systemd/system/nixsig-report.service',
  'systemd/system/nixsig-report.timer',
  'tmpfiles.d/00-nixos.conf',
]

function goldenOf(name: string, file: string): string {
  return join(GOLDEN, name, file.split('/').at(-1) ?? '')
}

function isGolden(name: string, file: string, text: string): void {
  const golden = goldenOf(name, file)
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

/** The messages in the table below a heading of the page. */
function rowsOf(heading: string): readonly string[] {
  const [, table = ''] = new RegExp(`## ${heading}\\n([\\s\\S]*?)\\n## `).exec(PAGE) ?? []
  return [...table.matchAll(/^\| .* \| `(.*)` \|$/gm)].map(([, message = '']) => message)
}

/** What the assertions of systems with these settings say, and what nix.conf is if they say nothing. */
async function judged(
  world: World,
  sets: readonly string[],
): Promise<readonly { readonly failed: readonly string[]; readonly conf: string }[]> {
  const systems = sets.map(set => `(${systemOf(on(set))})`)
  const told = await evaluate(
    world,
    `map (system: let inherit (system) config; in rec {
      failed = map (a: a.message) (builtins.filter (a: !a.assertion) config.assertions);
      conf = if failed == [ ] then config.environment.etc."nix/nix.conf".source.text else "";
    }) [ ${systems.join('\n')} ]`,
  )
  return (told as { failed: string[]; conf: string }[]).map(({ failed, conf }) => ({
    failed: failed.map(message => message.replaceAll(/\s+/g, ' ').trim()),
    conf,
  }))
}

/** Both libraries with the oldest Nix, where nixpkgs' own is there. */
const RUNS: readonly (readonly [version: Version, lib: string | undefined])[] = [
  ...VERSIONS.map(version => [version, REAL_LIB] as const),
  ...(REAL_LIB === undefined ? [] : VERSIONS.slice(0, 1).map(version => [version, undefined] as const)),
]

for (const [version, lib] of RUNS) {
  const library = lib === undefined ? 'the stand-in for nixpkgs' : "nixpkgs' own library"
  test(`${version}: the module for NixOS, with ${library}`, { timeout: 600_000 }, async context => {
    await withWorld(version, { hooks: false, nixConf: BUILDS_HERE }, async world => {
      bringCheckout(world, lib ?? null)
      world.write('/srv/l.toml', 'mode = "warn"\n')
      for (const { name, module } of EXAMPLES) {
        await context.test(`the example "${name}" makes the golden files`, async () => {
          const { status, stdout, stderr } = await build(
            world,
            `(${systemOf(module, BUILDS_THERE)}).config.system.build.toplevel`,
          )
          assert.equal(status, 0, stderr)
          for (const file of FILES) {
            // Not every system has every unit.
            const { status, stdout: text } = await world.run(`cat ${stdout.trim()}/etc/${file} 2>/dev/null`)
            if (status !== 0) assert.ok(!existsSync(goldenOf(name, file)), `${file} is missing`)
            else isGolden(name, file, text.replaceAll(/\/nix\/store\/[0-9a-z]{32}-/g, '/nix/store/…-'))
          }
        })
      }
      const verdicts = await judged(
        world,
        CONTRADICTIONS.map(({ set }) => set),
      )
      for (const [at, { set, says }] of CONTRADICTIONS.entries()) {
        await context.test(`contradiction: ${set}`, () => {
          const complaint = verdicts[at]?.failed.join(' ') ?? ''
          for (const words of says) assert.ok(complaint.includes(words), `${complaint}\nlacks: ${words}`)
          assert.match(complaint, /Either .*, or /)
        })
      }
      await context.test('a system with a contradiction is not built', async () => {
        assert.match(await complaintOn(world, on('nix.settings.sandbox = false;')), /Failed assertions/)
      })
      const passed = await judged(
        world,
        ACCEPTED.map(([set]) => set),
      )
      for (const [at, [set, line]] of ACCEPTED.entries()) {
        await context.test(`no contradiction: ${set}`, () => {
          const { failed = [], conf = '' } = passed[at] ?? {}
          assert.deepEqual(failed, [])
          const lines = conf.split('\n').map(one => one.trim())
          if (line !== undefined) assert.ok(lines.includes(line), `${conf}\nlacks: ${line}`)
        })
      }
      await context.test('docs/how-to/nixos.md shows what is said of contradictions', () => {
        const messageOf = (set: string) =>
          verdicts[CONTRADICTIONS.findIndex(one => one.set === set)]?.failed[0]
        const tables = CONTRADICTIONS_BY_PLACE.map(
          ([place, all]) =>
            [
              place,
              all.filter(({ isShown }) => isShown).map(({ set }) => ({ set, message: messageOf(set) ?? '' })),
            ] as const,
        )
        const page = withTables(PAGE, tables)
        if (process.env['NIXSIG_UPDATE_DOCS'] === '1')
          writeFileSync(join(PROJECT_ROOT, 'docs/how-to/nixos.md'), page)
        assert.equal(page, readFileSync(join(PROJECT_ROOT, 'docs/how-to/nixos.md'), 'utf8'))
      })
      await context.test('what is set with mkDefault gives way', async () => {
        const set = 'nix.settings = { sandbox = lib.mkDefault false; fallback = lib.mkDefault true; };'
        const settings = await evaluate(world, `(${systemOf(on(set))}).config.nix.settings`)
        assert.deepEqual(
          ['sandbox', 'fallback'].map(name => (settings as Record<string, unknown>)[name]),
          [true, false],
        )
      })
      await context.test('a setting may depend on another one', async () => {
        const set = 'nix.settings.cores = if config.nix.settings.max-jobs == "auto" then 2 else 3;'
        const module = `{ config, ... }: { security.nixsig.enable = true; ${set} }`
        assert.equal(await evaluate(world, `(${systemOf(module)}).config.nix.settings.cores`), 2)
      })
      await context.test('a part that is left out is set nowhere', async () => {
        const set = 'security.nixsig.without = [ "hooks" "build-hook" "plugin" "gate" ];'
        const seen = await evaluate(
          world,
          `let inherit (${systemOf(on(set))}) config; in {
            names = builtins.attrNames config.nix.settings;
            inherit (config.nix.settings) substituters trusted-public-keys;
            sockets = builtins.attrNames config.systemd.sockets;
          }`,
        )
        const { names, ...rest } = seen as { names: string[] }
        for (const name of ['pre-build-hook', 'post-build-hook', 'build-hook', 'plugin-files'])
          assert.ok(!names.includes(name), name)
        const sockets = ['nix-daemon', 'nixsig-ask', 'nixsig-judge']
        assert.deepEqual(rest, { substituters: [], 'trusted-public-keys': [], sockets })
      })
      await context.test('the daemon gets the build-hook that Nix 2.25 to 2.33 ignores', async () => {
        const told = (set: string) =>
          evaluate(
            world,
            `(${systemOf(on(set))}).config.systemd.services.nix-daemon.environment.NIX_CONFIG or ""`,
          )
        assert.match(String(await told('')), /^build-hook = \/nix\/store\/\S+\/libexec\/nixsig\/build-hook$/)
        assert.equal(await told('security.nixsig.without = [ "build-hook" ];'), '')
      })
      await context.test('root’s own builds are warned about where only the daemon is set', async () => {
        const warnings = async (nix: string, builders = 'ssh://far') => {
          const pick = `nix.package = pkgs.nix // { version = "${nix}"; }; nix.settings.builders = lib.mkForce "${builders}";`
          return String(await evaluate(world, `(${systemOf(on(pick))}).config.warnings`))
        }
        for (const forgetful of ['2.25.0', '2.31.2', '2.33.6'])
          assert.match(await warnings(forgetful), /ignores build-hook in nix\.conf.*NIX_REMOTE = "daemon"/s)
        for (const good of ['2.24.15', '2.34.0'])
          assert.doesNotMatch(await warnings(good), /ignores build-hook/)
        assert.doesNotMatch(await warnings('2.31.2', ''), /ignores build-hook/)
      })
      await context.test('keys come from files, from lists by URL and hash, and by name', async () => {
        const [alice = '', carol = '', dora = ''] = ['alice', 'carol', 'dora'].map(
          name => signer(name).publicKey,
        )
        const minisign = 'RWTwDf7tyv4BAn6tT9Ptn5rEQjOuCcVWq5+mHTBdBAum8X/ZIgPbGGoW'
        const list = `[principals.carol]\nkeys = ["${carol}"]\n`
        world.write('/srv/keys/alice.pub', `${alice}\n`)
        world.write('/srv/keys/bob.pub', `untrusted comment: minisign public key F00D\n${minisign}\n`)
        world.write('/srv/keys/list.toml', list)
        const hash = createHash('sha256').update(list).digest('base64')
        const pinned = (sri: string) => `{ url = "file:///srv/keys/list.toml"; hash = "sha256-${sri}"; }`
        const settings = (sri: string) => `security.nixsig = {
          principals.alice.keyFiles = [ /srv/keys/alice.pub "/srv/keys/bob.pub" ];
          principals.dora.keys = [ "${dora}\\n" ];
          presets = [ "cache.nixos.org" ];
          trustedLists = [ ${pinned(sri)} ];
        };`
        const built = await build(
          world,
          `(${systemOf(on(settings(hash)), BUILDS_THERE)}).config.security.nixsig.policyFile`,
        )
        assert.equal(built.status, 0, built.stderr)
        const policy = await world.output(`cat ${built.stdout.trim()}`)
        for (const line of [
          `keys = ["${alice}", "minisign:${minisign}"]`,
          `keys = ["${carol}"]`,
          `keys = ["${dora}"]`,
          'keys = ["cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="]',
        ])
          assert.ok(policy.includes(line), `${policy}\nlacks: ${line}`)

        const other = await complaintOn(
          world,
          on(settings(hash.replace(/^./, one => (one === 'A' ? 'B' : 'A')))),
        )
        assert.match(other, /hash mismatch/)
      })
      await context.test('NixOS before 25.05 has no checks before a switch, which is said', async () => {
        const told = await evaluate(
          world,
          `let inherit (${systemOf(on('')).replace(/\}$/, 'release = "24.11"; }')}) config; in
           map (a: a.message) (builtins.filter (a: !a.assertion) config.assertions)`,
        )
        assert.match(String(told), /preSwitchCheck needs NixOS 25\.05 or later.*preSwitchCheck = false/s)
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
      await context.test('every row of the table of mistakes is one that is tried here', () => {
        const mistakes = rowsOf('How mistakes are reported')
        assert.equal(mistakes.length, 9)
        for (const row of mistakes)
          assert.ok(
            MISTAKES.some(([, ...says]) => says.join(' ').includes(row)),
            row,
          )
      })
    })
  })
}
