/**
 * The parts of NixOS configurations that pages show, and the examples of docs/options.md, in a
 * system: each sets what it seems to set.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Block, blockOf, blocksOf } from '../docs/markdown.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import { bringCheckout, evaluate, systemOf } from '../support/nixos.ts'
import { on } from '../support/nixos-cases.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

/** Options of sops-nix, agenix and impermanence, as far as the pages name them. */
const OTHERS = `{ lib, ... }: {
  options.sops.secrets = lib.mkOption { default = { nixsig-machine-key.path = "/run/secrets/machine"; }; };
  options.age.secrets = lib.mkOption { default = { nixsig-gate-key.path = "/run/agenix/gate"; }; };
  options.environment.persistence = lib.mkOption { default = { }; };
}`

interface Snippet {
  readonly block: Block
  /** What of the configuration it sets, and to what. */
  readonly sets: Readonly<Record<string, unknown>>
}

const snippet = (page: string, section: string, sets: Snippet['sets']): Snippet => ({
  block: blockOf(page, section, 'nix'),
  sets,
})

const SNIPPETS: readonly Snippet[] = [
  snippet('docs/how-to/nixos-state.md', 'Give it keys', {
    'security.nixsig.machineKeyFile': '/run/secrets/machine',
    'security.nixsig.gate.keyFile': '/run/agenix/gate',
  }),
  snippet('docs/how-to/nixos-state.md', 'Change keys', {
    'security.nixsig.machineKeyFile': '/run/secrets/nixsig-machine-key',
    'security.nixsig.retiredKeys': [
      'box-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU=',
      'box-gate-1:X9Y+eXCdhbERJgqHNrn0iv8xfaf3DdcROkh8PdQ26fI=',
    ],
  }),
  snippet('docs/how-to/machines.md', 'What to keep', {
    'environment.persistence': { '/persist': { directories: ['/var/lib/nixsig'] } },
  }),
  snippet('docs/how-to/gate.md', 'Caches in S3, other machines, other stores', {
    'systemd.services.nixsig.serviceConfig.ProtectHome': 'tmpfs',
    'systemd.services.nixsig.serviceConfig.BindReadOnlyPaths': ['/root/.ssh', '/root/.aws'],
  }),
]

/** The module that a page shows: whole, without its arguments, or the settings alone. */
function moduleOf({ text }: Block): string {
  if (/^\{.*\}:$/m.test(text)) return text
  const settings = text.startsWith('{') ? text : `{ ${text} }`
  return `{ config, lib, pkgs, ... }: ${settings}`
}

/** The values of some options under a module, as JSON has them. */
async function valuesUnder(world: World, module: string, options: readonly string[]): Promise<unknown> {
  const values = options.map(option => `system.config.${option}`)
  return evaluate(world, `let system = ${systemOf(on(''), OTHERS, module)}; in [ ${values.join(' ')} ]`)
}

const [version = 'sid'] = NEWEST

test('parts of configurations', context =>
  withWorld(version, { hooks: false }, async world => {
    bringCheckout(world)
    for (const { block, sets } of SNIPPETS) {
      await context.test(`${block.at}, "${block.section}"`, async () => {
        const values = await valuesUnder(world, moduleOf(block), Object.keys(sets))
        assert.deepEqual(values, Object.values(sets))
        markRun(block, version)
      })
    }

    const upload = blockOf('docs/how-to/deploy.md', 'Publish', 'nix')
    await context.test(
      `${upload.at}: the program that uploads is listed after nixsig's own hook`,
      async () => {
        const [programs] = (await valuesUnder(world, moduleOf(upload), [
          'security.nixsig.postBuildHook',
        ])) as readonly (readonly string[])[]
        assert.match(String(programs), /^\/nix\/store\/[0-9a-z]{32}-upload$/)
        markRun(upload, version)
      },
    )

    for (const block of blocksOf('docs/options.md')) {
      await context.test(`the example of ${block.section} is a value of it`, async () => {
        const module = `{ ${block.section} = ${block.text}; }`
        const none = (await valuesUnder(world, '{ }', [block.section])) as readonly unknown[]
        const set = (await valuesUnder(world, module, [block.section])) as readonly unknown[]
        assert.notDeepEqual(set, none)
        markRun(block, version)
      })
    }
  }))

everyBlockWasRun('e2e/nixos-snippets')
