/** A world while it is being made. */

import { Readable } from 'node:stream'
import { developerSignatureFile } from '../../../src/evidence/signature-files.ts'
import { readOffer } from '../../../src/evidence/upstreams/read-offer.ts'
import type { UpstreamAnswer } from '../../../src/evidence/upstreams/upstream.ts'
import type { IncomingQuestion } from '../../../src/formats/hook-question.ts'
import { type ContentAddress, printContentAddress } from '../../../src/formats/nix/content-address.ts'
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import { printNarinfo } from '../../../src/formats/nix/narinfo.ts'
import { parseStorePath } from '../../../src/formats/nix/store-path.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import type { PathInfo } from '../../../src/store/store-client.ts'
import { bytesOf } from './contents.ts'
import { detachedSignature, envelope, nixSignature, type Person } from './people.ts'
import type { LocalNode, Offered, Said } from './plan.ts'
import { ATTESTATIONS, type Question, type StoredFile } from './world.ts'

/** The two binary caches. */
export const CACHES = ['https://a.example', 'https://b.example'] as const

/** A store path and the facts about it. */
export interface Item extends Question {
  readonly file: StoredFile
  readonly references: readonly string[]
  readonly address?: ContentAddress
  /** The derivation that makes it. */
  readonly deriver?: string
}

export interface Draft {
  readonly disk: Map<string, StoredFile>
  readonly infos: Map<string, PathInfo>
  readonly outputs: Map<string, ReadonlyMap<string, string>>
  readonly attestations: Map<string, readonly string[]>
  readonly signatures: Map<string, Uint8Array>
  readonly paths: Question[]
  readonly derivations: Question[]
  readonly answers: Map<string, readonly UpstreamAnswer[]>
  readonly incoming: Map<string, IncomingQuestion>
  readonly arrived: Map<string, StoredFile>
}

export function openDraft(): Draft {
  return {
    disk: new Map(),
    infos: new Map(),
    outputs: new Map(),
    attestations: new Map(),
    signatures: new Map(),
    paths: [],
    derivations: [],
    answers: new Map(),
    incoming: new Map(),
    arrived: new Map(),
  }
}

/** Adds a path to the store and registers it. */
export function addValid(
  draft: Draft,
  item: Item,
  more: {
    readonly signedBy?: readonly Person[]
    readonly isOurs?: boolean
    readonly hasDeriver?: boolean
  } = {},
): void {
  const { path, file, references, address, deriver } = item
  const nar = narOf(item)
  draft.disk.set(path, file)
  draft.infos.set(path, {
    path,
    ...(deriver === undefined || more.hasDeriver !== true ? {} : { deriver }),
    ...nar,
    references,
    registrationTime: 1_790_000_000,
    ultimate: more.isOurs === true,
    signatures: (more.signedBy ?? []).map(by => nixSignature(by, { path, ...nar, references })),
    ...(address === undefined ? {} : { ca: printContentAddress(address) }),
  })
}

export function attest(draft: Draft, item: Item, words: readonly Said[]): void {
  const { path, references, deriver = UNKNOWN } = item
  const { narHash } = narOf(item)
  const lines = words.map(({ by, word, wrong, isBare }) => {
    const contents = { path, narHash: wrong ? 'ab'.repeat(32) : narHash }
    return envelope(by, word, isBare ? contents : { ...contents, references }, deriver)
  })
  draft.attestations.set(item.path, [...(draft.attestations.get(item.path) ?? []), ...lines])
}

/** Keeps a developer's signature beside the attestations. */
export function keep(draft: Draft, path: string, { by, form, over }: NonNullable<LocalNode['kept']>): void {
  const file = developerSignatureFile(ATTESTATIONS, path, form === 'minisign' ? '.minisig' : '.sshsig')
  draft.signatures.set(file, detachedSignature(by, form, bytesOf({ kind: 'blob', number: over })))
}

const UNKNOWN = `/nix/store/${'0'.repeat(32)}-unknown.drv`

/** Adds the caches' answers about a path. */
export function offer(draft: Draft, item: Item, offered: Offered): void {
  const answers = CACHES.map((upstream, index): UpstreamAnswer => {
    if (!offered.caches[index]) return { upstream, said: { kind: 'absent' }, seconds: 0 }
    return { upstream, said: saidBy(upstream, item, offered, offered.addressed[index] === true), seconds: 0 }
  })
  if (offered.caches.includes(true)) draft.answers.set(item.name, answers)
}

function saidBy(
  upstream: string,
  item: Item,
  offered: Offered,
  isAddressed: boolean,
): UpstreamAnswer['said'] {
  const { path, references, address, deriver } = item
  const nar = narOf(item)
  const text = printNarinfo({
    path,
    url: `nar/${nar.narHash}.nar`,
    compression: 'none',
    fileHash: undefined,
    fileSize: undefined,
    ...nar,
    references,
    deriver: offered.deriver ? deriver : undefined,
    system: undefined,
    signatures: offered.signedBy.map(by => nixSignature(by, { path, ...nar, references })),
    contentAddress: isAddressed ? address : undefined,
  })
  const bytes = narOfBytes(item.file.bytes, item.file.isExecutable)
  const holder = {
    url: upstream,
    locate: (url: string) => ({ kind: 'url', url }) as const,
    stream: async () => ({ status: 200, length: bytes.length, body: Readable.from([bytes]) }) as const,
  }
  return readOffer(holder, parseStorePath(path).digest, Buffer.from(text))
}

/** Adds the row that Nix's database gets when the path becomes valid. */
export function comesIn(draft: Draft, item: Item, hasDeriver: boolean): void {
  const { name, path, address, deriver } = item
  draft.arrived.set(path, item.file)
  draft.incoming.set(name, {
    kind: 'admit',
    path,
    narHash: narOf(item).narHash,
    ...(deriver === undefined || !hasDeriver ? {} : { deriver }),
    ...(address === undefined ? {} : { contentAddress: address }),
  })
}

export function narOf({ file }: Pick<Item, 'file'>): { readonly narHash: string; readonly narSize: number } {
  const nar = narOfBytes(file.bytes, file.isExecutable)
  return { narHash: toHex(sha256(nar)), narSize: nar.length }
}
