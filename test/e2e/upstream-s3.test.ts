// A private cache in S3 behind a gate: a server that verifies signatures, root's own credentials, and
// the built command line. Nix uploads it where Nix has S3.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import * as nix from '../support/expressions.ts'
import { freePort, GATE_STATE, startGate, useGate } from '../support/gate-process.ts'
import { BUCKET, PRIVATE, S3_KEY, type S3Server, serveS3 } from '../support/s3-server.ts'
import { policyText, setPolicy, signer } from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

const BUILDER = signer('builder')
const OTHER = "--option pre-build-hook '' --option post-build-hook '' --store /srv/other"
const CREDENTIALS = `[nix]\naws_access_key_id = ${S3_KEY.accessKeyId}\naws_secret_access_key = ${S3_KEY.secretAccessKey}\n`

for (const version of NEWEST)
  test(`${version}: what the builder signed comes out of a private bucket, for who has the credentials`, async () => {
    const server = await serveS3()
    try {
      await withWorld(version, { resident: 'none' }, async world => {
        world.write('/root/key', `${printNixSecretKey(BUILDER.key)}\n`, 0o400)
        world.write('/root/.aws/credentials', CREDENTIALS, 0o600)
        const address = `s3://${BUCKET}?scheme=http&endpoint=127.0.0.1:${server.port}&profile=nix`
        const path = await upload(world, server, address)
        server.intercept = PRIVATE
        const port = await freePort()
        await setPolicy(
          world,
          policyText(
            { builder: [BUILDER] },
            `[gate]
listen = "127.0.0.1:${port}"
on-no-answer = "fail"
upstreams = ["${address}"]
[default]
require = { source = "nothing", derivation = "nothing", output = "builder" }
accept-unknown-derivation = true
`,
          ),
        )
        const gate = await startGate(world)
        try {
          useGate(world, gate.url, world.read(`${GATE_STATE}/gate.pub`).trim())
          await world.startDaemon()
          const { status, stderr } = await world.run([
            '/opt/nixsig/nixsig',
            'verify',
            path,
            '--from',
            address,
          ])
          assert.equal(status, 0, stderr)
          const fetched = await world.run(['nix-store', '--realise', path], { user: 'alice' })
          assert.equal(fetched.status, 0, fetched.stderr + gate.log())
          const other = await world.run([
            '/opt/nixsig/nixsig',
            'verify',
            path,
            '--from',
            address.replace('profile=nix', 'profile=none'),
          ])
          assert.equal(other.status, 20)
          assert.match(other.stdout + other.stderr, /there are none for the profile "none"/)
        } finally {
          await gate.end('SIGTERM')
        }
      })
    } finally {
      await server.close()
    }
  })

/** Makes a signed path in another store and puts it into the bucket, by Nix itself if it has S3. */
async function upload(world: World, server: S3Server, address: string): Promise<string> {
  world.write('/srv/x.nix', nix.derivation('in-s3', { build: 'head -c 300000 /dev/urandom >$out' }))
  const drv = await world.output(`nix-instantiate ${OTHER} /srv/x.nix 2>/dev/null`)
  const path = await world.output(`nix-store ${OTHER} -r ${drv} 2>/dev/null`)
  await world.output(`nix store sign ${OTHER} -k /root/key ${path}`)
  const copy = (to: string) =>
    world.run(`nix copy ${OTHER.replace('--store', '--from')} --to '${to}' ${path}`)
  // Debian's Nix has S3 without credentials, or none.
  const { status } = await copy(`${address}&compression=zstd`)
  console.log(`uploaded by ${status === 0 ? 'Nix' : 'the test'}`)
  if (status === 0) return path
  await world.output('mkdir -p /srv/cache')
  assert.equal((await copy('file:///srv/cache?compression=zstd')).status, 0)
  const directory = world.path('/srv/cache')
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }))
    if (/\.|info$/.test(name)) await server.put(name, readFileSync(join(directory, name)))
  return path
}
