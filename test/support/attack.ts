/**
 * Attacks on evidence: a derivation that needs a packager's attestation, and something else in
 * place of it.
 */
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

/** The scene of every attack: a derivation that needs a packager's attestation. */
export interface Stage {
  readonly world: World
  readonly scene: Scene
  /** The derivation itself, and the contents that a valid statement about it names. */
  readonly contents: Contents
  readonly alice: Signer
  readonly bob: Signer
  /** Alice's second key. */
  readonly spare: Signer
  /** A signer whom no policy lists. */
  readonly mallory: Signer
}

/** One attack: what is changed on the stage, and the reason for which the build is refused. */
export interface Attack {
  /** Which of Alice's two keys the policy lists for her; by default the first. Bob has one. */
  readonly keys?: (alice: Signer, spare: Signer) => readonly (Signer | string)[]
  /** Who is required, by default `alice`, and further text of the policy. */
  readonly needs?: string
  readonly rest?: string
  readonly act: (stage: Stage) => unknown
  readonly reason: RegExp
}

/** The envelope's statement with a change in its text, signed again. */
export function altered(by: Signer, line: string, from: string | RegExp, to: string): string {
  const payload = Buffer.from(JSON.parse(line).payload, 'base64').toString('utf8')
  const text = payload.replace(from, to)
  if (text === payload) throw new Error(`${from} is not in ${payload}`)
  return signEnvelope(Buffer.from(text, 'utf8'), by.key)
}

/** The file of attestations, quoted for a shell. */
function fileOf({ scene }: Stage): string {
  return attestationFile(ATTESTATIONS, scene.drv)
}

/** Publishes a valid attestation, so that only the attack can cause a refusal. */
export function publishTrue({ world, scene, alice, contents }: Stage): void {
  publish(world, scene.drv, packaged(alice, contents))
}

/** Publishes a valid attestation, then damages its file or directory. */
export function damaged(command: (file: string) => string): Attack['act'] {
  return stage => {
    publishTrue(stage)
    return stage.world.output(command(fileOf(stage)))
  }
}

/** Sets up a world's policy, keys and derivation; nothing is attested yet. */
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
