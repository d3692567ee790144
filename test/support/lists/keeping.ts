/** A list that is kept by people with keys made of numbers, in directories of a test's own. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Signer } from '../../../src/crypto/signers/signer.ts'
import { emptyList } from '../../../src/formats/lists/listed.ts'
import { printNixPublicKey } from '../../../src/formats/nix/nix-key.ts'
import { readDocument, writeDocument } from '../../../src/lists/keep/draft.ts'
import { addPrincipal, firstKeepers, rotate } from '../../../src/lists/keep/edit.ts'
import { type Keeper, keeperOf, readKeepers, writeKeepers } from '../../../src/lists/keep/keepers.ts'
import { planOf } from '../../../src/lists/keep/plan.ts'
import { type Publication, publish } from '../../../src/lists/keep/publish.ts'
import { signPending } from '../../../src/lists/keep/sign.ts'
import { addTeam } from '../../../src/lists/keep/teams.ts'
import { parseKey } from '../../../src/policy/language/keys.ts'
import { ed25519KeyPair, sha256, signEd25519 } from '../../../src/primitives/sodium.ts'
import { numberedKey } from './documents.ts'

/** 2026-12-01. */
export const NOW = Date.UTC(2026, 11, 1) / 1000
export const DAY = 86_400

const pairOf = (name: string) => ed25519KeyPair(sha256(Buffer.from(name)))

/** A keeper whose key is made of the name. */
export function keeper(name: string): Keeper {
  return keeperOf(name, printNixPublicKey({ name, publicKey: pairOf(name).publicKey }))
}

/** The signer of that key. */
export function signerOf(name: string): Signer {
  const { publicKey, secretKey } = pairOf(name)
  const key = parseKey(printNixPublicKey({ name, publicKey }))
  const sign = async (message: Uint8Array) => signEd25519(message, secretKey)
  return { label: name, keyid: '', identity: key.identity, key, sign, close: () => undefined }
}

export interface Kept {
  readonly dir: string
  readonly out: string
  /** Seconds since 1970; may be moved on. */
  now: number
  /** Adds a principal with a key made of the number. */
  add(name: string, number: number, team?: string): void
  sign(name: string, ...renew: readonly string[]): Promise<readonly string[]>
  publish(): Publication
  rotate(role: string, add: readonly string[], remove: readonly string[], threshold?: number): void
  team(name: string, keepers: readonly string[], threshold?: number): void
  remove(): void
}

/** A list kept by these; `threshold` of them have to agree. */
export function keptBy(names: readonly string[], threshold: number): Kept {
  const base = mkdtempSync(join(tmpdir(), 'nixsig-kept-'))
  const [dir, out] = [join(base, 'list'), join(base, 'out')]
  for (const each of [dir, out]) mkdirSync(each)
  const plan = (kept: Kept, renew: readonly string[] = []) =>
    planOf(dir, { now: kept.now, renew: new Set(renew) })
  writeDocument(dir, undefined, emptyList('example', 'vouched'))
  writeKeepers(dir, firstKeepers(names.map(keeper), threshold))
  const kept: Kept = {
    dir,
    out,
    now: NOW,
    add: (name, number, team) => {
      const keys = [{ key: numberedKey(number) }]
      writeDocument(dir, team, addPrincipal(readDocument(dir, team), name, { keys, about: undefined }))
    },
    sign: async (name, ...renew) =>
      signPending(dir, signerOf(name), plan(kept, renew), { now: kept.now, renew: new Set(renew) }),
    publish: () => publish(dir, out, plan(kept), kept.now),
    rotate: (role, add, remove, threshold) =>
      writeKeepers(dir, rotate(readKeepers(dir), role, { add: add.map(keeper), remove, threshold })),
    team: (name, keepers, threshold) => {
      const team = { names: [`${name}-*`], urls: [] }
      addTeam(dir, name, team, { add: keepers.map(keeper), remove: [], threshold })
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  }
  return kept
}

/** Uses a list for as long as a test takes. */
export async function withKept<T>(
  names: readonly string[],
  threshold: number,
  use: (kept: Kept) => Promise<T>,
): Promise<T> {
  const kept = keptBy(names, threshold)
  try {
    return await use(kept)
  } finally {
    kept.remove()
  }
}
