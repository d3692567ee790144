/**
 * `nix-store --import` of 10,000 paths into a new store, all of them in the ledger, with the store
 * plugin by the same without it, in pairs in one run. The stores lie in memory, and so does the
 * ledger: the root of a world is an overlay, which takes almost twice as long to open a file as the
 * disk below it does.
 */
import { randomBytes } from 'node:crypto'
import { narOfBytes } from '../src/formats/nix/nar.ts'
import { parseStorePath } from '../src/formats/nix/store-path.ts'
import { writeAdmission } from '../src/ledger/admissions.ts'
import { encode } from '../src/store/wire.ts'
import * as nix from '../test/support/expressions.ts'
import { byDefault, policyText, setPolicy, sha256, signer } from '../test/support/trust.ts'
import { VERSIONS, type World, withWorld } from '../test/support/world.ts'
import { spread } from './statistics.ts'

const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 7)
const PATHS = 10_000
/** Bytes of a path: one line, and as much as a small package. */
const SIZES = [20, 65_536]
const STATE = '/var/lib/nixsig'
const ALPHABET = '0123456789abcdfghijklmnpqrsvwxyz'
const EXPORT_MAGIC = 0x4558494e

/** What `nix-store --export` would print for these made-up paths. */
function exportOf(paths: readonly { readonly path: string; readonly nar: Uint8Array }[]): Buffer {
  const parts = paths.flatMap(({ path, nar }) => [encode(1), nar, encode(EXPORT_MAGIC, path, [], '', 0)])
  return Buffer.concat([...parts, encode(0)])
}

function madeUp(index: number, size: number) {
  const digest = [...randomBytes(32)].map(byte => ALPHABET[byte & 31]).join('')
  const nar = narOfBytes(Buffer.from(`contents ${index}\n`.padEnd(size)), false)
  return { path: `/nix/store/${digest}-package-${index}-1.0`, nar, narHash: sha256(nar) }
}

/** Makes paths of this size, admits them in the world's ledger, and writes a file to import. */
function offer(world: World, policy: string, size: number): void {
  const paths = Array.from({ length: PATHS }, (_, index) => madeUp(index, size))
  for (const { path, narHash } of paths) {
    writeAdmission(world.path(STATE), parseStorePath(path).digest, {
      path,
      narHash,
      policy,
      until: undefined,
      stamp: undefined,
      kind: 'output',
      builtHere: false,
      derivation: undefined,
      time: 0,
      rule: 'default',
      claims: [],
      build: undefined,
    })
  }
  world.write('/srv/export', exportOf(paths))
}

let serial = 0

async function seconds(world: World, options: string): Promise<number> {
  const store = `/srv/store-${serial++}`
  // Create the database before, so that only the import is timed.
  await world.output(`nix-store ${options} --store ${store} --verify`)
  const start = performance.now()
  await world.output(`nix-store ${options} --store ${store} --import </srv/export >/dev/null`, {
    timeout: 600_000,
  })
  const taken = (performance.now() - start) / 1000
  await world.output(`chmod -R u+w ${store}; rm -rf ${store}`)
  return taken
}

for (const version of VERSIONS) {
  await withWorld(version, {}, async world => {
    await world.output(`mkdir -p ${STATE} && mount -t tmpfs -o mode=700 ledger ${STATE}`)
    await setPolicy(
      world,
      policyText({ someone: [signer('someone')] }, byDefault('nothing', 'nothing', 'self')),
    )
    // A policy that was just changed is not snapshotted.
    await new Promise(resolve => setTimeout(resolve, 2500))
    world.write('/srv/first.nix', nix.derivation('first'))
    await world.output('nix-build --no-out-link /srv/first.nix')
    const policy = /nixsig1 ([0-9a-f]{64})/.exec(world.read(`${STATE}/policy`))?.[1] ?? ''
    const conf = world.read('/etc/nix/nix.conf')
    world.write('/etc/nix/nix.conf', `${conf}plugin-files = /opt/nixsig/native/nixsig-plugin.so\n`)
    for (const size of SIZES) {
      offer(world, policy, size)
      const ratios: number[] = []
      const noise: number[] = []
      for (let pair = -1; pair < PAIRS; pair++) {
        const guarded = await seconds(world, '')
        const free = await seconds(world, "--option plugin-files ''")
        const again = await seconds(world, "--option plugin-files ''")
        if (pair < 0) continue
        ratios.push(guarded / free)
        noise.push(again / free)
      }
      const about = `${world.nixVersion}: import of ${PATHS} paths of ${size} bytes`
      console.log(`${about}, with the plugin / without: ${spread(ratios)}`)
      console.log(`${about}, without it against itself (what the noise makes): ${spread(noise)}`)
    }
  })
}
