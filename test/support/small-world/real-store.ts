/** Small worlds in a store of the installed Nix, to compare the store in memory with. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { parseContentAddress } from '../../../src/formats/nix/content-address.ts'
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import { printNarinfo } from '../../../src/formats/nix/narinfo.ts'
import { parseStorePath } from '../../../src/formats/nix/store-path.ts'
import { openStore, type PathInfo, type Store } from '../../../src/store/store-client.ts'
import { decisionsOf } from './decisions.ts'
import { layOut } from './disk.ts'
import { judgeWorld } from './fronts.ts'
import { makeWorld } from './make.ts'
import { AS_IT_IS, memoryStore } from './memory-store.ts'
import { type Plan, somePlan } from './plan.ts'
import type { Outcome } from './properties.ts'
import { someDisturbances } from './surroundings.ts'
import { HOME, type World } from './world.ts'

const CACHE = `${HOME}/cache`
const NOTHING: World = {
  ...{
    disk: new Map(),
    infos: new Map(),
    outputs: new Map(),
    attestations: new Map(),
    signatures: new Map(),
    policy: '',
  },
  ...{ paths: [], derivations: [], answers: new Map(), incoming: new Map(), arrived: new Map() },
}

/**
 * Nix accepts a world as it is and answers like the store in memory; the verdicts with both stores
 * are equal.
 */
export async function nixAgrees(bytes: Uint8Array): Promise<Outcome> {
  const decisions = decisionsOf(bytes)
  const plan = fromElsewhere(somePlan(decisions))
  const disturbances = someDisturbances(decisions, plan)
  const world = makeWorld(plan, (draft, made) => {
    for (const { act } of disturbances) act(draft, made)
  })
  fillStore(world)
  const store = await openStore()
  try {
    const memory = memoryStore(world, AS_IT_IS)
    const differences = await differencesOf(world, store, memory)
    const [real, imagined] = [await judgeWorld(world, { store }), await judgeWorld(world, { store: memory })]
    for (const [name, { words, why }] of imagined) {
      const other = real.get(name)
      if (other?.words !== words)
        differences.push(`${name}: "${words}" [${why}], with Nix "${other?.words}" [${other?.why}]`)
    }
    if (differences.length === 0) return { cameTo: [] }
    return { broken: `${differences.join('\n')}\n${JSON.stringify(plan)}`, cameTo: [] }
  } finally {
    store.close()
  }
}

/** Paths that are copied in were not built here. */
function fromElsewhere(plan: Plan): Plan {
  return {
    ...plan,
    nodes: plan.nodes.map(node => (node.kind === 'build' ? { ...node, isOurs: false } : node)),
  }
}

/**
 * Makes Nix copy all valid paths of a world from a binary cache, and adds the files that are not
 * valid paths.
 */
function fillStore(world: World): void {
  layOut(NOTHING)
  for (const directory of ['/nix/store', '/nix/var', CACHE])
    rmSync(directory, { recursive: true, force: true })
  mkdirSync(join(CACHE, 'nar'), { recursive: true })
  writeFileSync(join(CACHE, 'nix-cache-info'), 'StoreDir: /nix/store\n')
  for (const info of world.infos.values()) intoCache(world, info)
  const derivations = [...world.infos.keys()].filter(path => path.endsWith('.drv'))
  copy(derivations, ['--derivation'])
  copy(
    [...world.infos.keys()].filter(path => !path.endsWith('.drv')),
    [],
  )
  layOut(world)
}

function copy(paths: readonly string[], options: readonly string[]): void {
  if (paths.length === 0) return
  const env = {
    PATH: process.env['PATH'],
    HOME,
    NIX_CONF_DIR: HOME,
    NIX_CONFIG: 'build-users-group =\nsubstituters =\nexperimental-features = nix-command',
  }
  const argv = ['copy', ...options, '--no-check-sigs', '--from', `file://${CACHE}`, '--to', 'local', ...paths]
  execFileSync('nix', argv, { env, stdio: 'pipe', encoding: 'utf8' })
}

function intoCache({ disk }: World, info: PathInfo): void {
  const file = disk.get(info.path)
  if (file === undefined) throw new RangeError(`${info.path} is valid and not there`)
  const url = `nar/${info.narHash}.nar`
  writeFileSync(join(CACHE, url), narOfBytes(file.bytes, file.isExecutable))
  const text = printNarinfo({
    ...info,
    url,
    compression: 'none',
    fileHash: info.narHash,
    fileSize: info.narSize,
    deriver: info.deriver,
    system: undefined,
    contentAddress: info.ca === undefined ? undefined : parseContentAddress(info.ca),
  })
  writeFileSync(join(CACHE, `${parseStorePath(info.path).digest}.narinfo`), text)
}

async function differencesOf(
  { paths, infos, outputs }: World,
  real: Store,
  memory: Store,
): Promise<string[]> {
  const differences: string[] = []
  const compare = async (what: string, ask: (store: Store) => Promise<unknown>) => {
    const [one, other] = [await ask(real), await ask(memory)]
    if (!isDeepStrictEqual(one, other)) {
      differences.push(`${what}: Nix says ${JSON.stringify(one)}, memory ${JSON.stringify(other)}`)
    }
  }
  const all = [...new Set([...paths.map(({ path }) => path), ...infos.keys()])]
  for (const path of all) {
    await compare(`path info of ${path}`, async store => comparable(await store.pathInfo(path)))
    await compare(`referrers of ${path}`, async store => [...(await store.referrers(path))].sort())
    await compare(`derivers of ${path}`, async store => [...(await store.derivers(path))].sort())
  }
  for (const drv of outputs.keys())
    await compare(`outputs of ${drv}`, async store => [...(await store.outputs(drv))].sort())
  await compare('valid paths', async store => [...(await store.validPaths(all))].sort())
  return differences
}

/** The path info without fields that differ in each run, and with lists sorted. */
function comparable(info: PathInfo | undefined) {
  if (info === undefined) return undefined
  const { registrationTime: _, references, signatures, ...rest } = info
  return { ...rest, references: [...references].sort(), signatures: [...new Set(signatures)].sort() }
}
