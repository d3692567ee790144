// takes: 2 minutes
/**
 * A machine that was switched to a system with nixsig: nix.conf, policy and units as the module
 * makes them, with its own systemd, a daemon, a plain user, and a read-only store as on NixOS.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAudit } from '../../src/audit/parse.ts'
import { auditMetrics } from '../../src/gate/standing-metrics.ts'
import { commandsOf } from '../docs/markdown.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import { beforeEnd } from '../support/before-end.ts'
import { eventually } from '../support/eventually.ts'
import { derivation } from '../support/expressions.ts'
import {
  ALICE,
  attestClosure,
  CACHE,
  ENFORCING,
  MALLORY,
  OWN,
  offer,
  tarball,
  withSwitched,
} from '../support/nixos-machine.ts'
import { UNGUARDED } from '../support/plugin-world.ts'
import { contentsOf, publish, released } from '../support/trust.ts'
import { VERSIONS } from '../support/world.ts'

/** Tries, as root, to write to the store, and reads the memory map of another process. */
const DOCTOR = 'nixsig-doctor.service'
const SERVICES = [
  ...['nixsig.service', 'nixsig-keys.service', 'nixsig-address.service'],
  ...['nixsig-sync.service', DOCTOR, 'nixsig-audit.service', 'nixsig-report.service'],
]

for (const version of VERSIONS) {
  test(`${version}: a machine with nixsig`, { timeout: 900_000 }, async context => {
    await withSwitched(version, async machine => {
      const { world } = machine
      const step = (name: string, run: () => Promise<void>) => context.test(name, run)

      await step('all units run, and systemd finds nothing wrong with them', async () => {
        assert.equal(await world.output('systemctl is-system-running'), 'running')
        for (const unit of [
          'nixsig.service',
          'nixsig.socket',
          'nixsig-judge.socket',
          'nixsig-ask.socket',
          'nixsig-audit.timer',
          'nixsig-report.timer',
        ])
          assert.equal(await world.output(`systemctl is-active ${unit}`), 'active', unit)
        const units = [...SERVICES, 'nixsig-audit.timer', 'nixsig-report.timer'].join(' ')
        const verified = await world.run(`cd /etc/systemd/system && systemd-analyze verify ${units}`)
        assert.equal(verified.status, 0, verified.stderr)
        assert.doesNotMatch(verified.stderr, /nixsig/)
      })

      await step('the services are shut in: an exposure below 2.0, and of the gate below 2.2', async () => {
        const most: Readonly<Record<string, number>> = { [DOCTOR]: 52, 'nixsig.service': 21 }
        for (const unit of SERVICES) {
          const { status, stdout } = await world.run(
            `systemd-analyze security --threshold=${most[unit] ?? 20} --no-pager ${unit}`,
          )
          assert.equal(status, 0, stdout)
        }
      })

      await step('the machine has the key that it was given, and a gate key of its own', async () => {
        assert.equal(world.read('/var/lib/nixsig/machine.pub').trim(), OWN.publicKey)
        const mode = await world.output(
          'stat -c "%a %u" /var/lib/nixsig/machine.secret /var/lib/nixsig/gate.secret',
        )
        assert.equal(mode, '600 0\n600 0')
        assert.match(
          await world.output('journalctl --no-pager -o cat -p warning -u nixsig-keys'),
          /nixsig: \/var\/lib\/nixsig had no gate key, and has a new one now: \S+ \(SHA256:\S+\)\. If this machine had a key before, its state was lost/,
        )
      })

      await step("Nix trusts the key of this machine's gate, and no other", async () => {
        const shown = await world.output('nix show-config 2>/dev/null || nix config show')
        assert.ok(
          shown.includes(`trusted-public-keys = ${await world.output('cat /var/lib/nixsig/gate.pub')}\n`),
        )
      })

      await step('in warn mode what nobody signed is built, and told', async () => {
        const { status, stdout, stderr } = await machine.build(derivation('told'))
        assert.equal(status, 0, stderr)
        const explain = `/run/current-system/sw/bin/nixsig explain ${stdout.trim()}`
        const explained = await world.run(explain, { user: 'alice' })
        assert.match(explained.stderr, /^nixsig: as the gate sees it/)
        assert.match(explained.stdout, /^(?:would be refused|trusted) .*ledger:\n/s)
      })

      const enforcing = await machine.system(ENFORCING)
      // Built without hooks: of what they saw while the policy warns, this machine stays the builder.
      const lax = await machine.system('mode = "warn"; settings.nix.refusal-line = false;', UNGUARDED)
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

      await step('what this machine alone may not make is refused before it is built', async () => {
        const { status, stderr } = await machine.build(derivation('for-workshop-1'))
        assert.notEqual(status, 0, stderr)
        const said = stderr + (await world.output('journalctl --no-pager -u nix-daemon'))
        const [, path] = /(\/nix\/store\/[0-9a-z]{32}-for-workshop-1) \(output\) under rule/.exec(said) ?? []
        assert.ok(path !== undefined, said)
        assert.ok(!(await machine.isValid(path)))
        assert.ok(!world.exists(path))
        assert.equal(await world.output('/run/current-system/sw/bin/nixsig quarantine list'), '')
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
          const health = `curl --silent --max-time 10 ${await world.output("sed -n 's/^substituters = //p' /etc/nix/nix.conf | tail -n 1")}/health`
          for (let kills = 0; kills < 8; kills++) {
            await world.output('systemctl kill --signal=KILL nixsig.service')
            await world.output(`${health} || ${health}`)
          }
          await world.output('systemctl kill --signal=KILL nixsig.service')
          const { status, stderr } = await world.run(`nix-store --realise ${path}`, { user: 'alice' })
          assert.equal(status, 0, stderr)
          world.write('/run/systemd/system/nixsig.service.d/soon.conf', '[Service]\nWatchdogSec=2\n')
          await world.output('systemctl daemon-reload; systemctl restart nixsig')
          const pid = await world.output('systemctl show --property MainPID --value nixsig')
          await world.output('systemctl kill --signal=STOP nixsig.service')
          const now = () => world.output('systemctl show --property MainPID --value nixsig')
          await eventually('the watchdog bites', async () => ![pid, '0'].includes(await now()))
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
        await world.output(
          'systemctl stop nixsig.socket nixsig-judge.socket nixsig-ask.socket nixsig.service',
        )
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
        await world.output(
          'systemctl start nixsig.socket nixsig-judge.socket nixsig-ask.socket nixsig.service',
        )
      })

      await step(
        'H8: in a respite all of that comes in, told and until when, and none of it after',
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

          const shown = commandsOf('docs/how-to/nixos.md').find(({ script }) =>
            script.startsWith('nixsig warn --until 2h'),
          )
          assert.ok(shown, 'the page shows how to let everything pass for a time')
          const given = await world.run(`PATH=$PATH:/run/current-system/sw/bin; ${shown.script}`)
          assert.equal(given.status, 0, given.stderr)
          assert.match(given.stderr, /WARNING: nixsig refuses nothing until 20\S+Z\. .*\n.*nixsig enforce/)
          markRun(shown, version)
          const during = await tries()
          assert.deepEqual(during.outcome, [true, true], during.said)
          const journal = await world.output('journalctl --no-pager --output cat')
          assert.match(
            journal,
            /warning, let pass until 20\S+Z: would be refused \S+-unsigned\.tar \(local source\)/,
          )
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

          await beforeEnd(async ({ seconds }) => {
            const since = Math.floor(Date.now() / 1000)
            const respite = `nixsig1 respite\nsince ${since}\nuntil ${seconds}\nreason \n`
            world.write('/var/lib/nixsig/respite', respite)
            assert.deepEqual((await tries()).outcome, [true, true])
          })
          assert.deepEqual((await tries()).outcome, [false, false])
        },
      )

      await step('the audit finds a machine with every door closed', async () => {
        await world.run('systemctl start nixsig-audit.service')
        const log = await world.output('journalctl --no-pager -o cat -u "nixsig-*"')
        for (const unit of ['nixsig-sync', DOCTOR, 'nixsig-audit'])
          assert.equal(
            await world.output(`systemctl show --property Result --value ${unit}`),
            'success',
            `${unit}: ${log}`,
          )
      })

      await step(
        'the report keeps an audit, says what changed since, and gives the gate its numbers',
        async () => {
          for (const journal of [/^trusted /m, /^since 20/m]) {
            await world.run('systemctl start nixsig-report.service')
            const log = await world.output('journalctl --no-pager -o cat -u nixsig-report')
            assert.equal(
              await world.output('systemctl show --property Result --value nixsig-report'),
              'success',
              log,
            )
            assert.match(log, journal)
          }
          const name = await world.output('cat /proc/sys/kernel/hostname')
          const kept = parseAudit(Buffer.from(world.read(`/var/lib/nixsig/reports/${name}.json`)))
          assert.deepEqual([kept.asked.kind, kept.machine.name], ['system', name])
          assert.equal(await world.output('stat -c "%a %u" /var/lib/nixsig/reports'), '750 0')
          const metrics = auditMetrics(world.path('/var/lib/nixsig'))
          assert.match(metrics, new RegExp(`^nixsig_audit_timestamp_seconds ${kept.time}$`, 'm'))
        },
      )

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

everyBlockWasRun('e2e/nixos-machine')
