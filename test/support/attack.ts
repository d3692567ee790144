/** Attacks on evidence: a derivation that needs a packager's word, and something that is not it. */
import { test } from 'node:test'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import * as nix from './expressions.ts'
import { assertRefusedBeforeBuild, instantiate, type Scene } from './scene.ts'
import {
  ATTESTATIONS,
  byDefault,
  type Contents,
  contentsOf,
  packaged,
  policyText,
  publish,
  type Signer,
  setPolicy,
  signer,
} from './trust.ts'
import { NEWEST, type World, withWorld } from './world.ts'

/** The scene of every attack: a derivation that needs a packager's word. */
export interface Stage {
  readonly world: World
  readonly scene: Scene
  /** The derivation itself, and what a true statement says of it. */
  readonly contents: Contents
  readonly alice: Signer
  readonly bob: Signer
  /** A second key of alice's. */
  readonly spare: Signer
  /** In nobody's list. */
  readonly mallory: Signer
}

export interface Attack {
  /** The keys that the policy lists for alice, of two of hers: the first unless told. Bob has one. */
  readonly keys?: (alice: Signer, spare: Signer) => readonly (Signer | string)[]
  /** Who is needed, `alice` unless told, and what else the policy says. */
  readonly needs?: string
  readonly rest?: string
  readonly act: (stage: Stage) => unknown
  readonly reason: RegExp
}

/** The envelope's statement with something else in its text, signed again. */
export function altered(by: Signer, line: string, from: string | RegExp, to: string): string {
  const payload = Buffer.from(JSON.parse(line).payload, 'base64').toString('utf8')
  const text = payload.replace(from, to)
  if (text === payload) throw new Error(`${from} is not in ${payload}`)
  return signEnvelope(Buffer.from(text, 'utf8'), by.key)
}

/** The file of attestations, for a shell. */
function fileOf({ scene }: Stage): string {
  return attestationFile(ATTESTATIONS, scene.drv)
}

/** What would be trusted, if nothing else were wrong. */
export function publishTrue({ world, scene, alice, contents }: Stage): void {
  publish(world, scene.drv, packaged(alice, contents))
}

/** A true attestation, and then something done to where it is kept. */
export function damaged(command: (file: string) => string): Attack['act'] {
  return stage => {
    publishTrue(stage)
    return stage.world.output(command(fileOf(stage)))
  }
}

/** A world's policy, keys and derivation, before anything is attested. */
export async function onStage(
  world: World,
  { keys, needs = 'alice', rest = '' }: Omit<Attack, 'act' | 'reason'>,
) {
  const [alice, bob, spare, mallory] = [signer('alice'), signer('bob'), signer('spare'), signer('mallory')]
  const text = `${rest.replace('KEY', alice.publicKey)}${byDefault('nothing', needs, 'self')}`
  await setPolicy(world, policyText({ alice: keys?.(alice, spare) ?? [alice], bob: [bob] }, text))
  const scene = await instantiate(world, nix.derivation('plain'))
  return { world, scene, contents: await contentsOf(world, scene.drv), alice, bob, spare, mallory }
}

/** A test for each attack: the build is refused before it starts, for the reason that is true. */
export function testAttacks(attacks: Readonly<Record<string, Attack>>): void {
  for (const version of NEWEST) {
    for (const [name, attack] of Object.entries(attacks)) {
      test(`${version}: attack: ${name}`, () =>
        withWorld(version, {}, async world => {
          const stage = await onStage(world, attack)
          await attack.act(stage)
          await assertRefusedBeforeBuild(world, stage.scene.out, attack.reason)
        }))
    }
  }
}
