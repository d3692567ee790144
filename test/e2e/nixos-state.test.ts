// takes: 2 minutes
/**
 * What a machine with nixsig keeps, and what it is given: secrets that come late or by links, keys
 * that change in one deploy, a state that is lost, sockets that stay open.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
import { derivation } from '../support/expressions.ts'
import { freePort } from '../support/gate-process.ts'
import {
  ALICE,
  CACHE,
  ENFORCING,
  type Machine,
  offer,
  tarball,
  withUnswitched,
} from '../support/nixos-machine.ts'
import { contentsOf, publish, released, type Signer, signer } from '../support/trust.ts'
import { EVERY_VERSION } from '../support/world.ts'

const NIXSIG = '/run/current-system/sw/bin/nixsig'

const secretOf = ({ key }: Signer) => `${printNixSecretKey(key)}\n`
const nameOf = ({ key }: Signer) => `${key.name} (${sshFingerprint(key.publicKey)})`

/** Secrets as sops-nix and agenix lay them out: a directory for each generation, behind a link. */
function placeSecrets({ world }: Machine, generation: number, secrets: Readonly<Record<string, Signer>>) {
  for (const [name, owner] of Object.entries(secrets))
    world.write(`/run/secrets.d/${generation}/${name}`, secretOf(owner), 0o400)
  return world.output(
    `ln -sfn /run/secrets.d/${generation} /run/secrets; mkdir -p /root/linked; for name in ${Object.keys(secrets).join(' ')}; do ln -sfn /run/secrets/$name /root/linked/$name; done`,
  )
}

/** Switches although nobody vouches for the system, as an installer does. */
const UNCHECKED = { NIXOS_NO_CHECK: '1' }

/** lib.mkForce, for a module that has no lib. */
const forced = (value: string) => `{ _type = "override"; priority = 50; content = ${value}; }`

const mainPid = ({ world }: Machine) => world.output('systemctl show --property MainPID --value nixsig')

const journal = ({ world }: Machine, unit: string, options = '') =>
  world.output(`journalctl --no-pager -o cat -u ${unit} ${options}`)

for (const version of EVERY_VERSION) {
  test(`${version}: keys and state`, { timeout: 600_000 }, async context => {
    await withUnswitched(version, await freePort(), '', async machine => {
      const { world } = machine
      const step = (name: string, run: () => Promise<void>) => context.test(name, run)
      const [first, second] = [signer('box'), signer('box-next')]
      const [gateFirst, gateSecond] = [signer('gate'), signer('gate-next')]
      const keys = 'machineKeyFile = "/root/linked/machine-key"; gate.keyFile = "/run/secrets/gate-key";'

      const [cacheNext, port] = [signer('cache-next'), await freePort()]
      const lines = {
        late: keys,
        enforcing: `${keys} ${ENFORCING}`,
        rotated: `${keys} ${ENFORCING.replace(CACHE.publicKey, cacheNext.publicKey)}
          retiredKeys = [ "${first.publicKey}" "${gateFirst.publicKey}" ];`,
        moved: `${keys} ${ENFORCING} gate.listen = ${forced(`"192.0.2.7:${port}"`)};`,
        lax: `${keys} audit.enable = false; attestations.sources = [ "http://127.0.0.1:9/nobody" ];`,
      }
      // While nothing is refused yet.
      const systems: Record<string, string> = {}
      for (const [name, settings] of Object.entries(lines)) systems[name] = await machine.system(settings)
      const install = async (name: keyof typeof lines) => {
        const { status, stderr, stdout } = await machine.switchTo(systems[name] ?? '', UNCHECKED)
        const journal = await world.output('journalctl --lines 60 --no-pager')
        assert.equal(status, 0, `${stderr}${stdout}${journal}`)
      }

      await step('a machine whose secrets are late waits for them, says so, and makes no key', async () => {
        const { stderr } = await machine.switchTo(systems['late'] ?? '', UNCHECKED)
        assert.match(stderr, /Job for nixsig-keys\.service failed/)
        assert.match(
          await journal(machine, 'nixsig-keys', '-p err'),
          /machine-key is not there yet, and the machine has no key/,
        )
        assert.ok(!world.exists('/var/lib/nixsig/machine.secret'))
      })

      await step('it takes them when they come, through links', async () => {
        await placeSecrets(machine, 1, { 'machine-key': first, 'gate-key': gateFirst })
        await world.output(
          'for n in $(seq 60); do systemctl is-active -q nixsig && break; sleep 0.25; done; systemctl is-active nixsig',
        )
        assert.equal(world.read('/var/lib/nixsig/machine.pub').trim(), first.publicKey)
        assert.equal(world.read('/var/lib/nixsig/gate.pub').trim(), gateFirst.publicKey)
      })

      await step('a secret that differs is a warning with both keys, and the gate goes on', async () => {
        await placeSecrets(machine, 2, { 'machine-key': second, 'gate-key': gateSecond })
        await install('enforcing')
        await world.output('systemctl restart nixsig-keys; systemctl start nixsig')
        const said = await journal(machine, 'nixsig-keys', '-p warning')
        for (const words of [
          `warning: the machine goes on with its key ${nameOf(first)}: `,
          `has ${nameOf(second)}. Next: to change the key, say that this one is retired: ${first.publicKey}`,
          `warning: the gate goes on with its key ${nameOf(gateFirst)}: `,
        ])
          assert.ok(said.includes(words), said)
      })

      await step('what this machine builds is vouched for by it', async () => {
        const { status, stdout, stderr } = await machine.build(derivation('built-before'))
        assert.equal(status, 0, stderr)
        assert.match(await world.output(`${NIXSIG} verify ${stdout}`), /vouched for by this machine/)
      })

      await step('the keys of the machine, its gate and a cache change in one deploy', async () => {
        const [before, after] = [
          await offer(machine, 'by-old', CACHE),
          await offer(machine, 'by-new', cacheNext),
        ]
        const opened = 'systemctl show --property ActiveEnterTimestampMonotonic --value nixsig.socket'
        const [socket, main] = [await world.output(opened), await mainPid(machine)]
        await install('rotated')
        assert.equal(world.read('/var/lib/nixsig/machine.pub').trim(), second.publicKey)
        assert.equal(world.read('/var/lib/nixsig/gate.pub').trim(), gateSecond.publicKey)
        const change = `the gate key was changed from ${nameOf(gateFirst)}, which is retired, to ${nameOf(gateSecond)}`
        assert.ok((await journal(machine, 'nixsig-keys')).includes(change))
        assert.notEqual(await mainPid(machine), main, 'the gate has its new key')
        assert.equal(await world.output(opened), socket, 'and its socket was open all the time')
        const got = await world.run(`nix-store --realise ${after}`, { user: 'alice' })
        assert.equal(got.status, 0, got.stderr)
        const refused = await world.run(`nix-store --realise ${before}`, { user: 'alice' })
        assert.match(refused.stderr, /refused \S+-by-old \(output\)/)
        const { stdout } = await machine.build(derivation('built-before'))
        assert.match(await world.output(`${NIXSIG} verify ${stdout}`), /vouched for by this machine/)
      })

      await step('the gate takes a new address in a switch, also one that is not there yet', async () => {
        await install('moved')
        const active = await world.output('systemctl is-active nixsig.socket nixsig.service')
        assert.equal(active, 'active\nactive')
        const health = `curl --silent --max-time 3 http://192.0.2.7:${port}/health`
        assert.notEqual((await world.run(health)).status, 0)
        execFileSync('ip', ['address', 'add', '192.0.2.7/32', 'dev', 'lo'])
        try {
          assert.match(await world.output(health), /ok/)
        } finally {
          execFileSync('ip', ['address', 'del', '192.0.2.7/32', 'dev', 'lo'])
        }
        await install('enforcing')
        await world.output('systemctl start nixsig')
      })

      await step('the check before a switch writes nothing, and a dry run refuses nothing', async () => {
        const system = systems['lax'] ?? ''
        const seen = "find /var -path /var/log -prune -o -printf '%p %i %s %m %T@ %C@\\n' | sort | sha256sum"
        // What runs may write at any time.
        const running = 'nixsig.socket nixsig-judge.socket nixsig-ask.socket nixsig.service'
        await world.output(`systemctl stop ${running}`)
        const before = await world.output(seen)
        const check = (action: string) => world.run(`${system}/pre-switch-checks ${system} ${action}`)
        for (const action of ['switch', 'boot', 'test', 'check']) {
          const { status, stderr } = await check(action)
          assert.notEqual(status, 0, action)
          assert.match(stderr, /nixsig: not switching to/)
        }
        const dry = await check('dry-activate')
        assert.equal(dry.status, 0)
        assert.match(dry.stderr, /nixsig: a switch to \S+ would be refused/)
        assert.equal(await world.output(seen), before)
        await world.output(`systemctl start ${running}`)
      })

      await step('nothing under /etc has to be written for evidence to count', async () => {
        await world.output('mount --bind /etc /etc; mount -o remount,bind,ro /etc')
        try {
          world.write('/srv/signed.tar', 'signed')
          const path = await world.output('nix-store --add /srv/signed.tar')
          publish(world, path, released(ALICE, await contentsOf(world, path)))
          const { status, stderr } = await machine.build(tarball('signed'))
          assert.equal(status, 0, stderr)
        } finally {
          await world.output('umount /etc')
        }
      })

      await step('a state that is lost while everything runs', async () => {
        const path = await offer(machine, 'after-loss', CACHE)
        const built = (await machine.build(derivation('built-before'))).stdout.trim()
        await world.output('rm -rf /var/lib/nixsig')
        const doctor = await world.run(`${NIXSIG} doctor`)
        assert.equal(doctor.status, 1)
        assert.match(doctor.stdout, /^open +state: it does not exist: the ledger and the keys .* are lost/m)
        assert.match(doctor.stdout, /systemctl restart nixsig-keys nix-daemon on NixOS/)
        const known = /^warning +ledger: it knows 0 of the \d+ paths of the running system/m
        assert.match(doctor.stdout, known)
        const got = await world.run(`nix-store --realise ${path}`, { user: 'alice' })
        assert.notEqual(got.status, 0)
        const lost = '/var/lib/nixsig is gone, and with it the ledger and the keys of this machine'
        assert.ok(got.stderr.includes(lost), got.stderr)
        assert.ok((await journal(machine, 'nixsig', '-p warning')).includes(lost))

        await world.output('systemctl restart nixsig-keys nix-daemon; systemctl start nixsig')
        assert.equal((await world.run(`nix-store --realise ${path}`, { user: 'alice' })).status, 0)
        assert.equal(world.read('/var/lib/nixsig/machine.pub').trim(), second.publicKey)
        const after = await world.run(`${NIXSIG} doctor`)
        assert.doesNotMatch(after.stdout, /^(open|unknown) +(state|ledger|gate|trusted-public-keys)/m)
        assert.match(after.stdout, known)

        // What was built here before is known to nobody, and is built anew.
        assert.equal((await world.run(`${NIXSIG} verify ${built}`)).status, 10)
        await world.output(`nix-store --delete ${built}`)
        const again = await machine.build(derivation('built-before'))
        assert.equal(again.status, 0, again.stderr)
        assert.equal((await world.run(`${NIXSIG} verify ${built}`)).status, 0)
      })
    })
  })
}
