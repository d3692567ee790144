/** A machine that was switched to a system with nixsig, and actions on it. */
import assert from 'node:assert/strict'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { derivation } from './expressions.ts'
import { freePort } from './gate-process.ts'
import { BUILDS_THERE, bringCheckout, build, MACHINE_CONF, systemOf } from './nixos.ts'
import { ATTESTATIONS, built, contentsOf, publish, signer } from './trust.ts'
import { type Outcome, type Version, type World, withMachine } from './world.ts'

export const ALICE = signer('alice')
export const WORKSHOP = signer('workshop')
export const CACHE = signer('cache')
export const MALLORY = signer('mallory')
export const OWN = signer('machine')
const SECRET = `${printNixSecretKey(OWN.key)}\n`

/**
 * The enforcing policy: alice for sources with these names; this machine, the workshop or the cache
 * for outputs.
 */
export const ENFORCING = `
  mode = "enforce";
  principals.alice.keys = [ "${ALICE.publicKey}" ];
  principals.workshop.keys = [ "${WORKSHOP.publicKey}" ];
  principals.cache.keys = [ "${CACHE.publicKey}" ];
  groups.makers = {
    members = [ "self" "workshop" "cache" ];
    threshold = 1;
  };
  rules = [
    {
      match.name = "*.tar";
      require.source.developer = "alice";
    }
    {
      match.name = "for-workshop-*";
      require.output = "workshop";
    }
  ];
  default = {
    require.source = "nothing";
    require.output = "makers";
    acceptUnknownDerivation = true;
  };
`

export interface Machine {
  readonly world: World
  /** Builds a system with these settings of nixsig and options of Nix; returns its store path. */
  system(settings: string, options?: string): Promise<string>
  /** Builds such a system in another store, which nixsig never guarded: `/srv/other`. */
  elsewhere(settings: string): Promise<string>
  /** Switches to it, as nixos-rebuild does. */
  switchTo(system: string, env?: Readonly<Record<string, string>>): Promise<Outcome>
  /** Builds an expression through the daemon, as a plain user. */
  build(expression: string, options?: string): Promise<Outcome>
  isValid(path: string): Promise<boolean>
}

/**
 * A machine before its first switch. `listen`: its gate's port. `fixed`: settings of all its
 * systems.
 */
export async function withUnswitched(
  version: Version,
  listen: number,
  fixed: string,
  use: (machine: Machine) => Promise<void>,
): Promise<void> {
  await withMachine(version, async world => {
    bringCheckout(world)
    world.write('/etc/nix/nix.conf', MACHINE_CONF)
    world.write('/srv/cache/nix-cache-info', 'StoreDir: /nix/store\n')
    // Where the other tests publish evidence is where NixOS looks for it.
    await world.output(
      `mkdir -p /etc/nixsig /var/lib/nixsig/evidence; ln -s /var/lib/nixsig/evidence ${ATTESTATIONS}`,
    )
    const always = `{
      nix.settings.experimental-features = [ "nix-command" "flakes" ];
      security.nixsig.gate = { listen = "127.0.0.1:${listen}"; maxAge = 0; negativeMaxAge = 0; };
      security.nixsig.gate.upstreams = [ "file:///srv/cache" ];
      security.nixsig.enable = true;
      security.nixsig.audit.report.enable = true;
    }`
    const modules = (settings: string) => [BUILDS_THERE, always, nixsig(fixed), nixsig(settings)]
    const expression = (settings: string) =>
      `(${systemOf(...modules(settings))}).config.system.build.toplevel`
    await use({
      world,
      async system(settings, options) {
        const { status, stdout, stderr } = await build(world, expression(settings), options)
        assert.equal(status, 0, stderr)
        return stdout.trim()
      },
      async elsewhere(settings) {
        world.write('/srv/other.nix', expression(settings))
        world.write('/srv/other-conf/nix.conf', MACHINE_CONF)
        const env = { NIX_CONF_DIR: '/srv/other-conf', NIX_USER_CONF_FILES: '/dev/null' }
        return world.output('nix-build --no-out-link --store /srv/other /srv/other.nix', { env })
      },
      switchTo: (system, env = {}) => world.run(`${system}/bin/switch-to-configuration switch`, { env }),
      build(expression, options = '') {
        world.write('/srv/user.nix', expression)
        return world.run(`nix-build --no-out-link ${options} /srv/user.nix`, { user: 'alice' })
      },
      isValid: async path => (await world.run(`nix-store --check-validity ${path}`)).status === 0,
    })
  })
}

function nixsig(settings: string): string {
  return `{ security.nixsig = { ${settings} }; }`
}

/** A machine that was switched to a system which only warns, with a given key. */
export async function withSwitched(
  version: Version,
  use: (machine: Machine) => Promise<void>,
): Promise<void> {
  const given = 'machineKeyFile = "/run/secrets/machine-key";'
  await withUnswitched(version, await freePort(), given, async machine => {
    const { world } = machine
    world.write('/run/secrets/machine-key', SECRET, 0o400)
    const first = await machine.switchTo(await machine.system('mode = "warn";'))
    assert.equal(first.status, 0, first.stderr)
    // As on NixOS: a process writes to the store in a mount namespace of its own.
    await world.output('mount --bind /nix/store /nix/store; mount -o remount,bind,ro /nix/store')
    await use(machine)
  })
}

/**
 * Attests everything that a system consists of or was built with, as a person who builds it for
 * others does.
 */
export async function attestClosure({ world }: Machine, system: string): Promise<void> {
  const all = await world.output(
    `nix-store --query --requisites --include-outputs $(nix-store --query --deriver ${system})`,
  )
  for (const path of all.split('\n').filter(path => !path.endsWith('.drv')))
    publish(world, path, built(WORKSHOP, await contentsOf(world, path), `${path}.drv`))
}

export function tarball(name: string): string {
  return derivation(`of-${name}`, { attributes: { src: `/srv/${name}.tar` } })
}

/** Puts a path into /srv/cache, built elsewhere and signed by a cache; returns its store path. */
export async function offer({ world }: Machine, name: string, by: typeof CACHE): Promise<string> {
  world.write(`/srv/${name}`, `${name}\n`)
  world.write('/root/cache.secret', `${printNixSecretKey(by.key)}\n`, 0o600)
  const elsewhere = '--option plugin-files "" --option pre-build-hook "" --option post-build-hook ""'
  const expression = derivation(name, { build: `echo ${name} > $out` })
  world.write('/srv/offered.nix', expression)
  const path = await world.output(`nix-build --no-out-link ${elsewhere} /srv/offered.nix`)
  await world.output(
    `nix copy --to 'file:///srv/cache?secret-key=/root/cache.secret&compression=none' ${path} ${elsewhere}
     nix-store --delete ${path} ${elsewhere}`,
  )
  return path
}
