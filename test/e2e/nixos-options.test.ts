/**
 * What the NixOS module makes of its options: every example of docs/how-to/nixos.md, and its
 * messages about mistakes.
 */
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
import { BAD_POLICIES, CONTRADICTIONS, EXAMPLES, MISTAKES, on, PAGE } from '../support/nixos-cases.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const GOLDEN = join(PROJECT_ROOT, 'test/golden/nixos')
/** Writes the golden files in place of comparing with them. */
const UPDATES = process.env['NIXSIG_UPDATE_GOLDEN'] === '1'

/** What is compared of a system. */
const FILES = [
  'nix/nix.conf',
  'nixsig/policy.toml',
  'systemd/system/nixsig.service',
  'systemd/system/nixsig.socket',
  'systemd/system/nixsig-judge.socket',
  'systemd/system/nixsig-keys.service',
  'systemd/system/nixsig-address.service',
  'systemd/system/nixsig-sync.service',
  'systemd/system/nixsig-doctor.service',
  'systemd/system/nixsig-audit.service',
  'systemd/system/nixsig-audit.timer',
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
            // Not every system has every unit.
            const { status, stdout: text } = await world.run(`cat ${stdout.trim()}/etc/${file} 2>/dev/null`)
            if (status !== 0) assert.ok(!existsSync(goldenOf(name, file)), `${file} is missing`)
            else isGolden(name, file, text.replaceAll(/\/nix\/store\/[0-9a-z]{32}-/g, '/nix/store/…-'))
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
            inherit (config.nix) extraOptions;
            inherit (config.nix.settings) substituters trusted-public-keys;
            sockets = builtins.attrNames config.systemd.sockets;
          }`,
        )
        const { names, ...rest } = seen as { names: string[] }
        for (const name of ['pre-build-hook', 'post-build-hook', 'build-hook', 'plugin-files'])
          assert.ok(!names.includes(name), name)
        const sockets = ['nix-daemon', 'nixsig-judge']
        assert.deepEqual(rest, { extraOptions: '', substituters: [], 'trusted-public-keys': [], sockets })
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
          const pick = `nix.package = pkgs.nix // { version = "${nix}"; }; nix.settings.builders = "${builders}";`
          return String(await evaluate(world, `(${systemOf(on(pick))}).config.warnings`))
        }
        for (const forgetful of ['2.25.0', '2.31.2', '2.33.6'])
          assert.match(await warnings(forgetful), /ignores build-hook in nix\.conf.*NIX_REMOTE = "daemon"/s)
        for (const good of ['2.24.15', '2.34.0'])
          assert.doesNotMatch(await warnings(good), /ignores build-hook/)
        assert.doesNotMatch(await warnings('2.31.2', ''), /ignores build-hook/)
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
      await context.test('every row of the tables of messages is one that is tried here', () => {
        const mistakes = rowsOf('How mistakes are reported')
        assert.equal(mistakes.length, 9)
        for (const row of mistakes)
          assert.ok(
            MISTAKES.some(([, ...says]) => says.join(' ').includes(row)),
            row,
          )
        const rows = rowsOf('What contradicts it')
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
