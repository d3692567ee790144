/**
 * A machine in a directory: nix.conf, an installation and a policy for setup to find, without
 * systemd.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Front } from '../../src/setup/installation.ts'
import type { SetupPlaces } from '../../src/setup/places.ts'
import type { Plan } from '../../src/setup/plan.ts'
import { type SetupOutcome, setUp } from '../../src/setup/set-up.ts'
import { type LeaveOutcome, takeDown } from '../../src/setup/take-down.ts'

export interface Machine {
  readonly places: SetupPlaces
  /** The directory of the installation. */
  readonly directory: string
  /** Runs setup to its end, or until it is refused; also returns the plan that it showed. */
  setUp(without?: readonly Front[]): Promise<SetupOutcome & { readonly plan?: Plan }>
  takeDown(purge?: boolean): Promise<LeaveOutcome & { readonly notes: readonly string[] }>
  remove(): void
}

const POLICY = `version = 1
mode = "warn"
[default]
require = { source = "refuse", derivation = "nothing", output = "self" }
`

/**
 * One policy for many machines: setup waits until a file is old enough to be recognised by its
 * time.
 */
const SHARED = mkdtempSync(join(tmpdir(), 'nixsig-policy-'))
writeFileSync(join(SHARED, 'policy.toml'), POLICY, { mode: 0o644 })
after(() => rmSync(SHARED, { recursive: true }))

/**
 * Makes a machine without nix.conf. `own`: it gets a separate policy, which the test may change or
 * delete.
 */
export function makeMachine(policy: 'shared' | 'own' = 'shared'): Machine {
  const root = mkdtempSync(join(tmpdir(), 'nixsig-setup-'))
  chmodSync(root, 0o755)
  const directory = join(root, 'opt/nixsig')
  for (const name of ['opt/nixsig/native', 'etc/nix', 'etc/nixsig', 'etc/systemd', 'home', 'run'])
    mkdirSync(join(root, name), { recursive: true, mode: 0o755 })
  install(directory, ['nixsig', 'pre-build-hook', 'post-build-hook', 'build-hook', 'native/nixsig-plugin.so'])
  const places: SetupPlaces = {
    policy: join(policy === 'own' ? join(root, 'etc/nixsig') : SHARED, 'policy.toml'),
    state: join(root, 'state'),
    attestations: undefined,
    nixConf: join(root, 'etc/nix/nix.conf'),
    included: join(root, 'etc/nix/nixsig.conf'),
    unit: join(root, 'etc/systemd/nixsig.service'),
    socketUnit: join(root, 'etc/systemd/nixsig.socket'),
    rootConf: join(root, 'home/.config/nix/nix.conf'),
    later: [join(root, 'xdg.conf'), join(root, 'home/.config/nix/nix.conf')],
    systemd: join(root, 'run/systemd'),
    socket: join(root, 'run/socket'),
    doorkeepers: join(root, 'etc/nix/nixsig'),
  }
  if (policy === 'own') writeFileSync(places.policy, POLICY, { mode: 0o644 })
  return {
    places,
    directory,
    async setUp(without = []) {
      const shown: Plan[] = []
      const outcome = await setUp(places, { directory, without }, async plan => {
        shown.push(plan)
        return true
      })
      const [plan] = shown
      return plan === undefined ? outcome : { ...outcome, plan }
    },
    async takeDown(purge = false) {
      const notes: string[] = []
      const outcome = await takeDown(places, purge, async plan => {
        notes.push(...plan.notes)
        return true
      })
      return { ...outcome, notes }
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** Installs programs that do nothing. */
export function install(directory: string, names: readonly string[]): void {
  for (const name of names) {
    writeFileSync(join(directory, name), '#!/bin/sh\n')
    chmodSync(join(directory, name), 0o755)
  }
}
