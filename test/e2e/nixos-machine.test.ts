/**
 * A machine that was switched to a system with nixsig: nix.conf, policy and units as the module makes them, under a systemd
 * of its own, with a daemon, a plain user, and a store that is mounted read-only as on NixOS.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { commandsOf } from '../docs/markdown.ts'
import { derivation } from '../support/expressions.ts'
import { freePort } from '../support/gate-process.ts'
import { BUILDS_HERE, BUILDS_THERE, bringCheckout, build, systemOf } from '../support/nixos.ts'
import { built, contentsOf, publish, released, signer } from '../support/trust.ts'
import { type Outcome, VERSIONS, type World, withMachine } from '../support/world.ts'

const ALICE = signer('alice')
const WORKSHOP = signer('workshop')
const CACHE = signer('cache')
const MALLORY = signer('mallory')

const CONF = Object.entries({
  ...BUILDS_HERE,
  sandbox: 'true',
  'build-users-group': '',
  substituters: '',
  'experimental-features': 'nix-command flakes',
})
  .map(([name, value]) => `${name} = ${value}\n`)
  .join('')

/** What enforces here: alice for sources that are called so, this machine, the workshop or the cache for outputs. */
const ENFORCING = `
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
    accept-unknown-derivation = true;
  };
`

interface Machine {
  readonly world: World
  /** Builds a system with these settings of nixsig; its store path. */
  system(settings: string): Promise<string>
  /** Switches to it, as nixos-rebuild does. */
  switchTo(system: string, env?: Readonly<Record<string, string>>): Promise<Outcome>
  /** Has a plain user build an expression through the daemon. */
  build(expression: string, options?: string): Promise<Outcome>
  isValid(path: string): Promise<boolean>
}

async function withSwitched(version: (typeof VERSIONS)[number], use: (machine: Machine) => Promise<void>) {
  const port = await freePort()
  await withMachine(version, async world => {
    bringCheckout(world)
    world.write('/etc/nix/nix.conf', CONF)
    world.write('/srv/cache/nix-cache-info', 'StoreDir: /nix/store\n')
    const fixed = `{
      nix.settings.experimental-features = [ "nix-command" "flakes" ];
      security.nixsig.gate = { listen = "127.0.0.1:${port}"; max-age = 0; negative-max-age = 0; };
      security.nixsig.gate.upstreams = [ "file:///srv/cache" ];
      security.nixsig.enable = true;
    }`
    const machine: Machine = {
      world,
      async system(settings) {
        const expression = `(${systemOf(BUILDS_THERE, fixed, `{ security.nixsig = { ${settings} }; }`)}).config.system.build.toplevel`
        const { status, stdout, stderr } = await build(world, expression)
        assert.equal(status, 0, stderr)
        return stdout.trim()
      },
      switchTo: (system, env = {}) => world.run(`${system}/bin/switch-to-configuration switch`, { env }),
      build(expression, options = '') {
        world.write('/srv/user.nix', expression)
        return world.run(`nix-build --no-out-link ${options} /srv/user.nix`, { user: 'alice' })
      },
      isValid: async path => (await world.run(`nix-store --check-validity ${path}`)).status === 0,
    }
    const first = await machine.switchTo(await machine.system('mode = "warn";'))
    assert.equal(first.status, 0, first.stderr)
    // As NixOS has it: who writes to the store does so in a mount namespace of its own.
    await world.output('mount --bind /nix/store /nix/store; mount -o remount,bind,ro /nix/store')
    await use(machine)
  })
}

/** Attests whatever a system consists of or was built with, as whoever built it for others does. */
async function attestClosure({ world }: Machine, system: string): Promise<void> {
  const all = await world.output(
    `nix-store --query --requisites --include-outputs $(nix-store --query --deriver ${system})`,
  )
  for (const path of all.split('\n').filter(path => !path.endsWith('.drv')))
    publish(world, path, built(WORKSHOP, await contentsOf(world, path), `${path}.drv`))
}

function tarball(name: string): string {
  return derivation(`of-${name}`, { attributes: { src: `/srv/${name}.tar` } })
}

/** A path in /srv/cache, made elsewhere and signed by a cache; its store path. */
async function offer({ world }: Machine, name: string, by: typeof CACHE): Promise<string> {
  world.write(`/srv/${name}`, `${name}\n`)
  world.write(
    '/root/cache.secret',
    `${by.key.name}:${Buffer.from(by.key.secretKey).toString('base64')}\n`,
    0o600,
  )
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

for (const version of VERSIONS) {
  test(`${version}: a machine with nixsig`, { timeout: 900_000 }, async context => {
    await withSwitched(version, async machine => {
      const { world } = machine
      const step = (name: string, run: () => Promise<void>) => context.test(name, run)

      await step('all units run, and systemd finds nothing wrong with them', async () => {
        assert.equal(await world.output('systemctl is-system-running'), 'running')
        for (const unit of ['nixsig.service', 'nixsig.socket', 'nixsig-judge.socket', 'nixsig-audit.timer'])
          assert.equal(await world.output(`systemctl is-active ${unit}`), 'active', unit)
        const units = 'nixsig.service nixsig-keys.service nixsig-audit.service nixsig-audit.timer'
        const verified = await world.run(`cd /etc/systemd/system && systemd-analyze verify ${units}`)
        assert.equal(verified.status, 0, verified.stderr)
        assert.doesNotMatch(verified.stderr, /nixsig/)
      })

      await step('the services are shut in: an exposure below 2.0', async () => {
        for (const unit of ['nixsig.service', 'nixsig-keys.service']) {
          const { status, stdout } = await world.run(
            `systemd-analyze security --threshold=20 --no-pager ${unit}`,
          )
          assert.equal(status, 0, stdout)
        }
      })

      await step("Nix trusts the key of this machine's gate, and no other", async () => {
        const shown = await world.output('nix show-config 2>/dev/null || nix config show')
        assert.ok(
          shown.includes(`trusted-public-keys = ${await world.output('cat /var/lib/nixsig/gate.pub')}\n`),
        )
      })

      await step('in warn mode what nobody signed is built, and told', async () => {
        const { status, stderr } = await machine.build(derivation('told'))
        assert.equal(status, 0, stderr)
      })

      const enforcing = await machine.system(ENFORCING)
      const lax = await machine.system('mode = "warn"; settings.nix.refusal-line = false;')
      await step('attack: a system that nobody vouches for is not switched to', async () => {
        // The policy in force only warns; the one of the system itself refuses.
        const { status, stderr } = await machine.switchTo(enforcing)
        assert.notEqual(status, 0)
        assert.match(stderr, /refused \/nix\/store\/\S+-nixos-system \(output\)/)
        assert.match(
          stderr,
          /nixsig: not switching to \S+-nixos-system, because of the above, by \/nix\/store\/\S+-policy\.toml/,
        )
        assert.notEqual(await world.output('readlink /run/current-system'), enforcing)
      })

      await step('attested, it is', async () => {
        await attestClosure(machine, enforcing)
        const { status, stderr } = await machine.switchTo(enforcing)
        assert.equal(status, 0, stderr)
        assert.equal(await world.output('readlink /run/current-system'), enforcing)
        assert.match(world.read('/etc/nixsig/policy.toml'), /^mode = "enforce"$/m)
      })

      await step('a source that nobody signed is refused to a plain user, twice', async () => {
        world.write('/srv/unsigned.tar', 'unsigned')
        for (let time = 0; time < 2; time++) {
          const { status, stderr } = await machine.build(tarball('unsigned'))
          assert.notEqual(status, 0)
          assert.match(
            stderr,
            /refused \/nix\/store\/\S+-unsigned\.tar \(local source\) under rule "rule 1": needs alice as developer/,
          )
        }
      })

      await step('one that the developer signed is built from', async () => {
        world.write('/srv/signed.tar', 'signed')
        const path = await world.output('nix-store --add /srv/signed.tar')
        publish(world, path, released(ALICE, await contentsOf(world, path)))
        const { status, stderr } = await machine.build(tarball('signed'))
        assert.equal(status, 0, stderr)
      })

      await step('what is refused after it was built leaves the read-only store', async () => {
        const before = await world.output('nix-store --verify --check-contents 2>&1; ls /nix/store | wc -l')
        const { status, stderr } = await machine.build(derivation('for-workshop-1'))
        assert.notEqual(status, 0, stderr)
        assert.match(
          stderr + (await world.output('journalctl --no-pager -u nix-daemon')),
          /for-workshop-1 \(output\) under rule/,
        )
        assert.match(
          await world.output('/run/current-system/sw/bin/nixsig quarantine list'),
          /for-workshop-1/,
        )
        const [path] =
          /\/nix\/store\/[0-9a-z]{32}-for-workshop-1(?=\s|$)/m.exec(
            await world.output('/run/current-system/sw/bin/nixsig quarantine list'),
          ) ?? []
        assert.ok(path !== undefined && !(await machine.isValid(path)))
        assert.ok(!world.exists(path))
        assert.ok(before.length > 0)
      })

      await step('the cache of the trusted list is substituted from, by the gate', async () => {
        const path = await offer(machine, 'offered', CACHE)
        const { status, stderr } = await world.run(`nix-store --realise ${path}`, { user: 'alice' })
        assert.equal(status, 0, stderr)
        assert.ok(await machine.isValid(path))
      })

      await step('attack: a cache that nobody trusts is not, with a reason', async () => {
        const path = await offer(machine, 'foisted', MALLORY)
        const { status, stderr } = await world.run(`nix-store --realise ${path}`, { user: 'alice' })
        assert.notEqual(status, 0)
        assert.match(stderr, /HTTP error 451[\s\S]*refused \S+-foisted \(output\)/)
        assert.ok(!(await machine.isValid(path)))
      })

      await step(
        'a gate that is killed, or hangs, is started again, and who asks meanwhile waits',
        async () => {
          const path = await offer(machine, 'after-kill', CACHE)
          await world.output('systemctl kill --signal=KILL nixsig.service')
          const { status, stderr } = await world.run(`nix-store --realise ${path}`, { user: 'alice' })
          assert.equal(status, 0, stderr)
          world.write('/run/systemd/system/nixsig.service.d/soon.conf', '[Service]\nWatchdogSec=2\n')
          await world.output('systemctl daemon-reload; systemctl restart nixsig')
          const pid = await world.output('systemctl show --property MainPID --value nixsig')
          await world.output('systemctl kill --signal=STOP nixsig.service')
          const now = () => world.output('systemctl show --property MainPID --value nixsig')
          const deadline = Date.now() + 20_000
          while ([pid, '0'].includes(await now()) && Date.now() < deadline) await sleep(200)
          assert.ok(![pid, '0'].includes(await now()), 'the watchdog did not bite')
          await world.output(
            'rm /run/systemd/system/nixsig.service.d/soon.conf; systemctl daemon-reload; systemctl restart nixsig',
          )
        },
      )

      await step('attack: a policy that others could have written refuses everything', async () => {
        await world.output(
          'mv /etc/nixsig/policy.toml /etc/nixsig/kept; cp /etc/nixsig/kept /etc/nixsig/policy.toml; chmod 666 /etc/nixsig/policy.toml',
        )
        const { status, stderr } = await machine.build(derivation('under-a-tampered-policy'))
        assert.notEqual(status, 0)
        assert.match(stderr, /policy\.toml is writable by others/)
        await world.output('rm /etc/nixsig/policy.toml; mv /etc/nixsig/kept /etc/nixsig/policy.toml')
      })

      await step('without the gate nothing is substituted, and builds are judged all the same', async () => {
        const path = await offer(machine, 'no-gate', CACHE)
        await world.output('systemctl stop nixsig.socket nixsig-judge.socket nixsig.service')
        const gone = await world.run(`nix-store --realise ${path}`, { user: 'alice' })
        assert.notEqual(gone.status, 0)
        const alone = '--option substitute false'
        const refused = await machine.build(tarball('unsigned'), alone)
        assert.match(
          refused.stderr,
          /refused \/nix\/store\/\S+-unsigned\.tar \(local source\) under rule "rule 1": needs alice as developer/,
        )
        const { status, stderr } = await machine.build(derivation('judged-by-the-hook'), alone)
        assert.equal(status, 0, stderr)
        await world.output('systemctl start nixsig.socket nixsig-judge.socket nixsig.service')
      })

      await step(
        'S17: in a respite all of that comes in, told and until when, and none of it after',
        async () => {
          const nixsig = '/run/current-system/sw/bin/nixsig'
          const foisted = await offer(machine, 'foisted-too', MALLORY)
          const tries = async () => {
            const made = await machine.build(tarball('unsigned'))
            const got = await world.run(`nix-store --realise ${foisted}`, { user: 'alice' })
            await world.run(`nix-store --delete ${foisted} ${made.stdout}`)
            return { outcome: [made.status === 0, got.status === 0], said: made.stderr + got.stderr }
          }
          assert.deepEqual((await tries()).outcome, [false, false])

          const [shown] = commandsOf('docs/how-to/nixos.md')
          assert.match(shown?.script ?? '', /^nixsig warn --until 2h/)
          const given = await world.run(`PATH=$PATH:/run/current-system/sw/bin; ${shown?.script}`)
          assert.equal(given.status, 0, given.stderr)
          assert.match(given.stderr, /WARNING: nixsig refuses nothing until 20\S+Z\. .*\n.*nixsig enforce/)
          const during = await tries()
          assert.deepEqual(during.outcome, [true, true], during.said)
          const journal = await world.output('journalctl --no-pager --output cat')
          assert.match(journal, /warning, let pass until 20\S+Z: refused \S+-unsigned\.tar \(local source\)/)
          assert.match(journal, /nixsig refuses nothing until 20\S+Z, by order of root: the cache is down/)
          assert.match(
            journal,
            /"level":"warning","event":"refuses nothing","until":"20\S+Z","reason":"the cache is down"/,
          )
          const doctor = await world.run(`${nixsig} doctor`)
          assert.match(
            doctor.stdout,
            /^open +mode: a respite, open by choice until 20\S+Z: the cache is down/m,
          )

          const ended = await world.run(`${nixsig} enforce`)
          assert.equal(ended.status, 0, ended.stderr)
          assert.match(ended.stdout, /^the respite is over: what is not trusted is refused$/m)
          assert.deepEqual((await tries()).outcome, [false, false])

          const now = Math.floor(Date.now() / 1000)
          world.write('/var/lib/nixsig/respite', `nixsig1 respite\nsince ${now}\nuntil ${now + 5}\nreason \n`)
          assert.deepEqual((await tries()).outcome, [true, true])
          await sleep((now + 6) * 1000 - Date.now())
          assert.deepEqual((await tries()).outcome, [false, false])
        },
      )

      await step('the audit finds a machine with every door closed', async () => {
        await world.run('systemctl start nixsig-audit.service')
        const log = await world.output('journalctl --no-pager -o cat -u nixsig-audit')
        assert.equal(
          await world.output('systemctl show --property Result --value nixsig-audit'),
          'success',
          log,
        )
      })

      await step('the next system is built here and switched to, and nobody has to attest it', async () => {
        const next = await machine.system(`${ENFORCING} settings.nix.refusal-line-versions = [ "9.9.9" ];`)
        const { status, stderr } = await machine.switchTo(next)
        assert.equal(status, 0, stderr)
        assert.equal(await world.output('readlink /run/current-system'), next)
      })

      await step(
        'attack: the check before a switch is by the policy in force, whatever the other system allows',
        async () => {
          const { status, stderr } = await machine.switchTo(lax)
          assert.notEqual(status, 0)
          assert.match(
            stderr,
            /not switching to \S+-nixos-system, because of the above, by \/etc\/nixsig\/policy\.toml/,
          )
          assert.equal((await machine.switchTo(lax, { NIXOS_NO_CHECK: '1' })).status, 0)
        },
      )
    })
  })
}
