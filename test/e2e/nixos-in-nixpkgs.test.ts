/**
 * The NixOS module in a real nixpkgs, given by NIXPKGS: it evaluates to the same as in the
 * stand-in.
 */
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { test } from 'node:test'
import { bringCheckout, CHECKOUT, evaluate, STAND_IN, systemIn, systemOf } from '../support/nixos.ts'
import { EXAMPLES, on } from '../support/nixos-cases.ts'
import { CONTRADICTIONS } from '../support/nixos-contradictions.ts'
import { withWorld } from '../support/world.ts'

/**
 * A real nixpkgs, for those who have one: nothing is built in it, for that could mean all of NixOS.
 */
const NIXPKGS = process.env['NIXPKGS']

test('in a real nixpkgs', { skip: NIXPKGS === undefined && 'NIXPKGS names none' }, async context => {
  await withWorld('bookworm', { hooks: false }, async world => {
    bringCheckout(world)
    cpSync(NIXPKGS ?? '', world.path('/srv/nixpkgs'), { recursive: true, verbatimSymlinks: true })
    const inNixpkgs = (module: string) => `(${systemIn('/srv/nixpkgs', module)})`
    for (const { set, says } of CONTRADICTIONS) {
      await context.test(`contradiction: ${set}`, async () => {
        const failed = await evaluate(
          world,
          `let inherit (${inNixpkgs(on(set))}) config; in
           map (a: a.message) (builtins.filter (a: !a.assertion) config.assertions)`,
        )
        const complaint = (failed as string[]).join('\n').replaceAll(/\s+/g, ' ')
        for (const words of says) assert.ok(complaint.includes(words), `${complaint}\nlacks: ${words}`)
      })
    }
    for (const { name, module } of EXAMPLES) {
      await context.test(`the example "${name}" says the same of nix.conf and units`, async () => {
        const settings = (system: string) =>
          evaluate(
            world,
            `let inherit (${system}) config; in {
              nix = removeAttrs config.nix.settings [ "build-hook" "plugin-files" "post-build-hook" "pre-build-hook" "system-features" "max-jobs" "cores" "auto-optimise-store" "extra-sandbox-paths" "sandbox-paths" "allowed-users" "build-users-group" ];
              inherit (config.systemd.services.nixsig) requires before;
              inherit (config.security.nixsig) principals groups rules default;
              sockets = config.systemd.sockets.nixsig.socketConfig;
              timer = config.systemd.timers.nixsig-audit.timerConfig;
              checked = config.system.preSwitchChecks ? nixsig;
            }`,
          )
        assert.deepEqual(await settings(inNixpkgs(module)), await settings(`(${systemOf(module)})`))
      })
    }
    await context.test('the options have the same names and meaning', async () => {
      const names = (nixpkgs: string) =>
        evaluate(
          world,
          `let system = ${systemIn(nixpkgs)}; in
           map (o: [ o.name o.description o.default ]) (import ${CHECKOUT}/nix/options-doc.nix { inherit (system) lib options; })`,
        )
      assert.deepEqual(await names('/srv/nixpkgs'), await names(STAND_IN))
    })
  })
})
