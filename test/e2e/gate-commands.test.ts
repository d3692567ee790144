// Every command that gets something from a binary cache: it goes through the gate, or is refused
// there.
// takes: 1 minute
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { readAdmission } from '../../src/ledger/admissions.ts'
import * as nix from '../support/expressions.ts'
import { freePort, GATE_STATE, startGate, useGate } from '../support/gate-process.ts'
import { serveDirectory } from '../support/static-server.ts'
import { contentsOf, policyText, type Signer, setPolicy, signer } from '../support/trust.ts'
import { type User, VERSIONS, type Version, type World, withWorld } from '../support/world.ts'

const TOOL = '/srv/tool.nix'
const SHELL = '/srv/shell.nix'
const BASH_SHELL = '/srv/bash-shell.nix'
const NO_HOOKS = "--option pre-build-hook '' --option post-build-hook ''"
const BUILD_TOOL =
  'mkdir -p $out/bin; echo "#!/bin/sh" > $out/bin/tool; echo "echo I run" >> $out/bin/tool; chmod +x $out/bin/tool'

/** For `nix develop`, which asks a bash in the sandbox what a build would see. */
const WITH_BASH = { 'sandbox-paths': '/bin/sh=/bin/busybox /srv /bin/bash /lib /lib64 /usr' }

/** By the name of what they show; `tool` is the store path, `url` the gate's. */
const COMMANDS: Readonly<Record<string, (tool: string, url: string) => string>> = {
  'nix-store -r': tool => `nix-store -r ${tool}`,
  'nix-build': () => `nix-build --no-out-link ${TOOL}`,
  'nix build of a package': () => `nix build --no-link -f ${TOOL}`,
  'nix build of a path': tool => `nix build --no-link ${tool}`,
  'nix run': () => `nix run -f ${TOOL} ''`,
  'nix shell of a package': () => `nix shell -f ${TOOL} -c tool`,
  'nix shell of a path': tool => `nix shell ${tool} -c tool`,
  'nix-shell': () => `nix-shell ${SHELL} --run true`,
  'nix develop': () => `nix develop -f ${BASH_SHELL} -c true`,
  'nix-env -i of a package': () => `nix-env -f ${TOOL} -i tool`,
  'nix-env -i of a path': tool => `nix-env -i ${tool}`,
  'nix profile install': tool => `nix profile install --profile ./profile ${tool}`,
  'nix copy --from': (tool, url) => `nix copy --from ${url} ${tool}`,
}

/** Outputs from caches need this builder. What commands build here needs no signature. */
const policyBy = (builder: string, upstream: string, port: number) => `[gate]
listen = "127.0.0.1:${port}"
upstreams = ["${upstream}"]
[[rules]]
match = { name = "tool", kind = "output" }
require.output = "${builder}"
accept-unknown-derivation = true
[default]
require = { source = "nothing", derivation = "nothing", output = "self" }
`

/** A tool that a binary cache has, signed by its key, and that this machine has never had. */
async function cacheTool(
  world: World,
): Promise<{ readonly tool: string; readonly narHash: string; readonly cache: Signer }> {
  const cache = signer('cache')
  world.write('/root/cache.secret', printNixSecretKey(cache.key), 0o600)
  world.write(TOOL, `(${nix.derivation('tool', { build: BUILD_TOOL })} // { meta.mainProgram = "tool"; })`)
  const shell = nix.derivation('shell', {
    inputs: [`(import ${TOOL})`],
    attributes: { outputs: '[ "out" ]' },
  })
  world.write(SHELL, shell)
  world.write(BASH_SHELL, shell.replace('"/bin/sh"', '"/bin/bash"'))
  const tool = await world.output(`nix-build --no-out-link ${NO_HOOKS} ${TOOL}`)
  await world.output(`nix store sign -k /root/cache.secret ${tool}; nix copy --to file:///srv/cache ${tool}`)
  const { narHash } = await contentsOf(world, tool)
  await forget(world, tool)
  return { tool, narHash, cache }
}

/** No profile and nothing else holds the tool any longer, nor has the ledger anything on it. */
async function forget(world: World, tool: string): Promise<void> {
  await world.run(`rm -rf /nix/var/nix/profiles/per-user/*/* /nix/var/nix/profiles/default* /root/.nix-profile /home/alice/.nix-profile \
    /root/.local/state/nix /home/alice/.local/state/nix /root/profile* /home/alice/profile* ${GATE_STATE}/ledger; nix-store --gc`)
  assert.equal(await isValid(world, tool), false)
}

async function isValid(world: World, path: string): Promise<boolean> {
  return (await world.run(['nix-store', '--check-validity', path])).status === 0
}

/** The NAR hash that the ledger has for a path. */
function admittedHash(world: World, path: string): string | undefined {
  return readAdmission(world.path(GATE_STATE), parseStorePath(path).digest, path)?.narHash
}

async function commandsPassTheGate(t: TestContext, version: Version, user: User): Promise<void> {
  await withWorld(version, { nixConf: WITH_BASH }, async world => {
    const { tool, narHash, cache } = await cacheTool(world)
    const upstream = await serveDirectory(world.path('/srv/cache'))
    const port = await freePort()
    const people = { cache: [cache], other: [signer('other')] }
    const trust = (builder: string) =>
      setPolicy(world, policyText(people, policyBy(builder, upstream.url, port)))
    await trust('cache')
    const gate = await startGate(world)
    try {
      useGate(world, gate.url, world.read(`${GATE_STATE}/gate.pub`).trim())
      if (user !== 'root') await world.startDaemon()
      for (const [name, command] of Object.entries(COMMANDS)) {
        await t.test(`${name}: trusted`, async () => {
          await trust('cache')
          const { status, stderr } = await world.run(command(tool, gate.url), { user })
          assert.equal(status, 0, stderr)
          assert.equal(await isValid(world, tool), true)
          assert.equal(admittedHash(world, tool), narHash)
          await forget(world, tool)
        })
        await t.test(`${name}: refused`, async () => {
          await trust('other')
          const { status, stderr } = await world.run(command(tool, gate.url), { user })
          assert.notEqual(status, 0)
          assert.match(stderr, /HTTP error 451/)
          // Nix's own `copy` shows the status alone.
          if (name !== 'nix copy --from')
            assert.match(stderr, /refused .*-tool \(output\) .*needs other for its output/)
          assert.equal(await isValid(world, tool), false)
          assert.equal(admittedHash(world, tool), undefined)
        })
      }
    } finally {
      await gate.end('SIGTERM')
      await upstream.close()
    }
  })
}

for (const version of VERSIONS) {
  test(`${version}: as root without a daemon`, t => commandsPassTheGate(t, version, 'root'))
  test(`${version}: as a plain user through the daemon`, t => commandsPassTheGate(t, version, 'alice'))
}
