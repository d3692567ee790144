// Other machines' stores and other stores of this machine behind a gate: a real sshd, asked by ssh-ng
// and ssh through the machine's own Nix.
// takes: 2 minutes
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { eventually } from '../support/eventually.ts'
import * as nix from '../support/expressions.ts'
import { freePort, GATE_STATE, type GateProcess, startGate, useGate } from '../support/gate-process.ts'
import { type Sshd, startSshd } from '../support/sshd.ts'
import { policyText, setPolicy, signer } from '../support/trust.ts'
import { EVERY_VERSION, VERSIONS, type Version, type World, withWorld } from '../support/world.ts'

const BUILDER = signer('builder')
const ABSENT = '/nix/store/00000000000000000000000000000000-absent'
const OTHER = "--option pre-build-hook '' --option post-build-hook '' --store /srv/other"

interface Fetching {
  readonly world: World
  readonly sshd: Sshd
  readonly gate: GateProcess
  /** Two paths of the other store, one of which refers to the other. */
  readonly top: string
  readonly bottom: string
  /** Has the gate ask these upstreams alone. */
  ask(...upstreams: readonly string[]): Promise<void>
  narinfo(path: string): Promise<{ readonly status: number; readonly text: string }>
  /** The SHA-256 of the NAR that a narinfo names, as sha256sum prints it. Rejects if it breaks off. */
  nar(narinfo: string): Promise<string>
}

async function withOtherStore(version: Version, use: (fetching: Fetching) => Promise<void>): Promise<void> {
  await withWorld(version, { resident: 'none' }, async world => {
    await world.output('rm -f /usr/local/bin/ssh')
    world.write(
      '/srv/x.nix',
      nix.withInputs('top', [nix.derivation('bottom', { build: 'head -c 3000000 /dev/urandom >$out' })]),
    )
    world.write('/root/key', `${printNixSecretKey(BUILDER.key)}\n`, 0o400)
    const top = await world.output(
      `nix-store ${OTHER} -r $(nix-instantiate ${OTHER} /srv/x.nix 2>/dev/null) 2>/dev/null`,
    )
    const bottom = (await world.output(`nix-store ${OTHER} -q --references ${top}`)).trim()
    await world.output(`nix store sign ${OTHER} -k /root/key ${top} ${bottom}`)
    const port = await freePort()
    const ask = (...upstreams: readonly string[]) =>
      setPolicy(
        world,
        policyText(
          { builder: [BUILDER] },
          `[gate]
listen = "127.0.0.1:${port}"
on-no-answer = "fail"
timeout = 3
upstreams = ${JSON.stringify(upstreams)}
[default]
require = { source = "nothing", derivation = "nothing", output = "builder" }
accept-unknown-derivation = true
`,
        ),
      )
    await ask('/srv/other')
    const sshd = await startSshd(world)
    const [, sshPort = ''] = /-p (\d+)/.exec(sshd.options) ?? []
    world.write(
      '/root/.ssh/config',
      `Host far\nHostName 127.0.0.1\nHostKeyAlias far\nPort ${sshPort}\nIdentityFile /srv/ssh/user\n`,
      0o600,
    )
    const hostKey = world.read('/srv/ssh/host.pub').split(' ').slice(0, 2).join(' ')
    world.write('/root/.ssh/known_hosts', `far ${hostKey}\n`)
    const gate = await startGate(world)
    useGate(world, gate.url, world.read(`${GATE_STATE}/gate.pub`).trim())
    await world.startDaemon()
    try {
      await use({
        world,
        sshd,
        gate,
        top,
        bottom,
        ask,
        async narinfo(path) {
          const answer = await fetch(`${gate.url}/${parseStorePath(path).digest}.narinfo`)
          return { status: answer.status, text: await answer.text() }
        },
        async nar(narinfo) {
          const [, url] = /^URL: (.*)$/m.exec(narinfo) ?? []
          const answer = await fetch(`${gate.url}/${url}`)
          const bytes = Buffer.from(await answer.arrayBuffer())
          assert.equal(answer.status, 200, bytes.toString('latin1'))
          return `${createHash('sha256').update(bytes).digest('hex')}  -`
        },
      })
    } finally {
      await gate.end('SIGTERM')
      sshd.close()
    }
  })
}

const REMOTE = 'remote-store=local%3Froot%3D/srv/other'

const KINDS: Readonly<Record<string, string>> = {
  'ssh-ng': `ssh-ng://root@far?${REMOTE}`,
  ssh: `ssh://root@far?compress=true&${REMOTE}`,
  'a local store by its parameters': 'local?root=/srv/other',
  'a local store by its root': '/srv/other',
}

for (const version of EVERY_VERSION)
  test(`${version}: stores by ssh-ng, by ssh and on this machine: what the builder signed comes through the gate`, () =>
    withOtherStore(version, async ({ world, ask, narinfo, nar, top, bottom, gate }) => {
      for (const [kind, address] of Object.entries(KINDS)) {
        await ask(address)
        const { status, text } = await narinfo(bottom)
        assert.equal(status, 200, `${kind}: ${text}${gate.log()}`)
        assert.match(text, /^Compression: none$/m)
        assert.match(text, /^Sig: builder-1:/m)
        const bytes = await nar(text)
        assert.equal(
          bytes,
          await world.output(`nix-store ${OTHER} --dump /srv/other${bottom} | sha256sum`),
          kind,
        )
        assert.equal((await narinfo(ABSENT)).status, 404, kind)
        const verified = await world.run(['/opt/nixsig/nixsig', 'verify', '--from', address, top])
        assert.equal(verified.status, 0, kind + verified.stderr)
        const explained = await world.run(['/opt/nixsig/nixsig', 'explain', bottom])
        assert.ok(explained.stdout.includes(address), explained.stdout + explained.stderr)
      }
      const fetched = await world.run(['nix-store', '--realise', top], { user: 'alice' })
      assert.equal(fetched.status, 0, fetched.stderr + gate.log())
      await world.output('nix-store --verify --check-contents')
    }))

/** What a host may send in the place of Nix's protocol, and what the gate says. */
const HOSTS: Readonly<Record<string, readonly [program: string, said: RegExp]>> = {
  garbage: ['head -c 100000 /dev/urandom', /ssh-ng:\/\/[^ ]* [^\n]*(protocol|went away)/],
  'endless data': ['cat /dev/zero', /ssh-ng:\/\/[^ ]* [^\n]*(protocol|went away|no answer|not a Nix daemon)/],
  nothing: ['exec sleep 600', /ssh-ng:\/\/[^ ]* no answer within 3 seconds/],
  'its end at once': ['exit 0', /ssh-ng:\/\/[^ ]* [^\n]*went away/],
}

for (const version of VERSIONS) {
  test(`${version}: attack: hosts that send garbage, endless data, nothing: undecided in time, and nothing keeps running`, () =>
    withOtherStore(version, async ({ world, ask, narinfo, top }) => {
      for (const [name, [program, said]] of Object.entries(HOSTS)) {
        world.write(`/srv/bin/hostile-${name[0]}`, `#!/bin/sh\n${program}\n`, 0o755)
        await ask(`ssh-ng://root@far?remote-program=/srv/bin/hostile-${name[0]}`)
        const started = performance.now()
        const { status, text } = await narinfo(top)
        assert.equal(status, 451, name)
        assert.match(text, said, name)
        assert.ok(performance.now() - started < 6000, name)
      }
      await ask('/srv/other')
      assert.equal((await narinfo(top)).status, 200)
      await noneLeft(world, /^ssh /)
    }))

  test(`${version}: attack: a host whose NAR has other bytes than it described: never whole, never valid`, () =>
    withOtherStore(version, async ({ world, ask, narinfo, bottom, nar }) => {
      await ask(`ssh-ng://root@far?${REMOTE}`)
      await world.output(
        `cp /srv/other${bottom} /srv/true; chmod u+w /srv/other${bottom}; printf evil | dd of=/srv/other${bottom} conv=notrunc bs=1 seek=1000 status=none`,
      )
      const { status, text } = await narinfo(bottom)
      assert.equal(status, 200)
      await assert.rejects(nar(text))
      assert.notEqual((await world.run(['nix-store', '--realise', bottom])).status, 0)
      assert.equal((await world.run(['nix-store', '--check-validity', bottom])).status, 1)
      // Longer and shorter than it says.
      for (const size of ['4000000', '2000000']) {
        await world.output(`truncate -s ${size} /srv/other${bottom}`)
        await assert.rejects(nar(text), size)
      }
      await world.output(`cat /srv/true >/srv/other${bottom}`)
      assert.match(await nar(text), /^[0-9a-f]{64}/)
    }))

  test(`${version}: a host that is not known, a key that is not let in, no store there: said, with what to do`, () =>
    withOtherStore(version, async ({ world, sshd, ask, narinfo, top }) => {
      const config = world.read('/root/.ssh/config')
      world.write(
        '/root/.ssh/config',
        `${config}Host stranger\n${config.replace('Host far\n', '').replace('HostKeyAlias far', 'HostKeyAlias stranger')}Host keyless\n${config.replace('Host far\n', '').replace('/srv/ssh/user', '/srv/ssh/none')}`,
      )
      const said = async (address: string) => {
        await ask(address)
        const { status, text } = await narinfo(top)
        assert.equal(status, 451)
        return text
      }
      assert.match(
        await said(`ssh-ng://root@stranger?${REMOTE}`),
        /known[^\n]*next: add the host's key to known_hosts/,
      )
      assert.match(
        await said(`ssh-ng://root@keyless?${REMOTE}`),
        /Permission denied[^\n]*next: let the key of the user/,
      )
      assert.match(
        await said('/srv/nowhere'),
        /there is no Nix store: \/srv\/nowhere\/nix\/var\/nix\/db\/db.sqlite/,
      )
      assert.ok(!world.exists('/srv/nowhere'))
      const key = Buffer.from(world.read('/srv/ssh/host.pub').split(' ').slice(0, 2).join(' ')).toString(
        'base64',
      )
      const [, port] = /-p (\d+)/.exec(sshd.options) ?? []
      await ask(
        `ssh-ng://root@127.0.0.1:${port}?ssh-key=/srv/ssh/user&base64-ssh-public-host-key=${encodeURIComponent(key)}&${REMOTE}`,
      )
      const known = await narinfo(top)
      assert.equal(known.status, 200, known.text)
    }))

  test(`${version}: a host that speaks the protocol of ssh:// alone is asked by the names that others mention`, () =>
    withOtherStore(version, async ({ world, ask, narinfo, nar, top, bottom }) => {
      world.write(
        '/srv/bin/serve',
        '#!/bin/sh\ncase $1 in --serve) exec nix-store "$@";; esac\nexit 1\n',
        0o755,
      )
      const address = `ssh://root@far?remote-program=/srv/bin/serve&${REMOTE}`
      await ask(address)
      const { status, text } = await narinfo(top)
      assert.equal(status, 451)
      assert.match(
        text,
        /ssh:\/\/ can only be asked by the whole name of a path, and no other upstream mentioned/,
      )
      // A cache that has the narinfo of what refers to it, and no NAR.
      await world.output(
        `nix copy ${OTHER.replace('--store', '--from')} --to 'file:///srv/cache?compression=none' ${top}`,
      )
      await world.output(`rm -r /srv/cache/nar /srv/cache/${bottom.slice(11, 43)}.narinfo`)
      await ask('file:///srv/cache', address)
      assert.equal((await narinfo(top)).status, 200)
      const mentioned = await narinfo(bottom)
      assert.equal(mentioned.status, 200, mentioned.text)
      assert.match(await nar(mentioned.text), /^[0-9a-f]{64}/)
    }))
}

async function noneLeft(world: World, pattern: RegExp): Promise<void> {
  let lines: string[] = []
  await eventually(
    () => `none of these is left: ${lines.join('\n')}`,
    async () => {
      lines = (await world.output('ps -eo args')).split('\n').filter(line => pattern.test(line))
      return lines.length === 0
    },
  )
}
