/** Runs the doctor in a world, and tells what it leaves there. */
import assert from 'node:assert/strict'
import { assertSchema } from '../../support/schema.ts'
import type { World } from '../../support/world.ts'

export const DOCTOR = '/opt/nixsig/nixsig doctor'

interface Door {
  readonly door: string
  readonly state: string
  readonly detail: string
}

export interface Report {
  readonly status: number
  readonly doors: ReadonlyMap<string, Door>
  /** Names of those that are open or unknown. */
  readonly holes: readonly string[]
  /** Those holes with what the doctor says of each, for whoever reads why a test failed. */
  readonly told: string
}

export async function examine(world: World, env: Readonly<Record<string, string>> = {}): Promise<Report> {
  const started = Date.now()
  const { status, stdout, stderr } = await world.run(`${DOCTOR} --json`, { env })
  assert.ok(Date.now() - started < 60_000, 'it takes a minute at most')
  assert.equal(stderr, '')
  assertSchema('doctor', stdout)
  const { doors } = JSON.parse(stdout) as { readonly doors: readonly Door[] }
  const found = doors.filter(({ state }) => state === 'open' || state === 'unknown')
  const told = found.map(({ door, state, detail }) => `${door} is ${state}: ${detail}`).join('\n')
  return {
    status,
    doors: new Map(doors.map(door => [door.door, door])),
    holes: found.map(({ door }) => door),
    told,
  }
}

/**
 * All files, but for the locks, sockets and database that Nix itself makes, the key that a machine
 * makes itself once, what hooks remember, when caches answered the gate, and the decision log, which
 * keeps what was tried.
 */
export async function files(world: World): Promise<readonly string[]> {
  const found = await world.output('find /nix /var/lib/nixsig /tmp /root /etc/nix /etc/nixsig ! -type d')
  return found
    .split('\n')
    .filter(file => !NIX_OWN.test(file))
    .sort()
}

const NIX_OWN =
  /^\/var\/lib\/nixsig\/(?:machine\.|policy$|upstreams\/|decisions\/)|^\/nix\/var\/nix\/(?:gc.lock|gc-socket|current-load|db\/|temproots|gcroots\/profiles$)/
