/** A TUF repository in memory that does what a test wants: right, wrong or hostile. */
import { FileError } from '../../../src/files/regular-file.ts'
import { printJson } from '../../../src/formats/json/print.ts'
import { targetFile } from '../../../src/formats/lists/target-path.ts'
import { tufKeyId, tufKeyJson } from '../../../src/formats/lists/tuf-keys.ts'
import type { TufRoot } from '../../../src/formats/lists/tuf-signed.ts'
import { printTimestamp } from '../../../src/formats/timestamp.ts'
import { Floor, parseFloor } from '../../../src/lists/tuf/floor.ts'
import { readFirstRoot, readNextRoot } from '../../../src/lists/tuf/root-chain.ts'
import type { TufSource } from '../../../src/lists/tuf/source.ts'
import type { TufStore } from '../../../src/lists/tuf/store.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { ed25519KeyPair, sha256, signEd25519 } from '../../../src/primitives/sodium.ts'

// biome-ignore lint/suspicious/noExplicitAny: metadata is broken in every way
export type Loose = any

/** 2026-12-01. */
const START = Date.UTC(2026, 11, 1) / 1000
const DAY = 86_400

interface NumberedKey {
  readonly id: string
  readonly secretKey: Uint8Array
  readonly json: Loose
}

const known = new Map<string, NumberedKey>()

/** The key that is made of a name. */
export function keyCalled(name: string): NumberedKey {
  const before = known.get(name)
  if (before !== undefined) return before
  const { publicKey, secretKey } = ed25519KeyPair(sha256(Buffer.from(name)))
  const key = {
    id: tufKeyId(publicKey),
    secretKey,
    json: JSON.parse(printJson(tufKeyJson(publicKey))),
  }
  known.set(name, key)
  return key
}

const digestOf = (bytes: Uint8Array) => toHex(sha256(bytes))

/** Canonical JSON, said once more. */
function canonical(value: Loose): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'string') return `"${value.replace(/["\\]/g, '\\$&')}"`
  if (value === null || typeof value !== 'object') return String(value)
  const names = Object.keys(value).filter(name => value[name] !== undefined)
  return `{${names
    .sort()
    .map(name => `${canonical(name)}:${canonical(value[name])}`)
    .join(',')}}`
}

/** Metadata with signatures by the keys of these names. */
export function signedBy(signed: Loose, names: readonly string[]): Uint8Array {
  const message = Buffer.from(canonical(signed))
  const signatures = names.map(name => ({
    keyid: keyCalled(name).id,
    sig: toHex(signEd25519(message, keyCalled(name).secretKey)),
  }))
  return Buffer.from(`{"signatures":${JSON.stringify(signatures)},"signed":${JSON.stringify(signed)}}`)
}

export class Simulator {
  /** What is served, by path. */
  readonly files = new Map<string, Uint8Array>()
  readonly requests: string[] = []
  /** What is signed next, by role. */
  readonly roles: Record<string, Loose> = {}
  /** Names of the keys that sign for a role. */
  readonly signers = new Map<string, readonly string[]>()
  /** Whether metadata that names another says its length and hash. */
  hashes = false
  /** Seconds since 1970. */
  now = START
  #rootSigners: readonly string[] = []

  constructor() {
    const common = { spec_version: '1.0.31', version: 0, expires: this.in(365) }
    const nobody = { keyids: [], threshold: 1 }
    this.roles['root'] = {
      _type: 'root',
      ...common,
      consistent_snapshot: true,
      keys: {},
      roles: { root: nobody, targets: nobody, snapshot: nobody, timestamp: nobody },
    }
    this.roles['targets'] = { _type: 'targets', ...common, targets: {} }
    this.roles['snapshot'] = { _type: 'snapshot', ...common, meta: {} }
    this.roles['timestamp'] = { _type: 'timestamp', ...common, meta: {} }
    for (const role of ['root', 'targets', 'snapshot', 'timestamp']) this.give(role, [`${role} 1`])
    this.file('list.json', 'the list')
    this.publish('root', 'targets', 'snapshot', 'timestamp')
  }

  /** A time in so many days. */
  in(days: number): string {
    return printTimestamp(this.now + days * DAY)
  }

  /** Gives a role of the root, or a team of targets, these keys; they sign for it from now on. */
  give(role: string, names: readonly string[], threshold = 1): void {
    const keyids = names.map(name => keyCalled(name).id)
    this.signers.set(role, names)
    if (role.startsWith('team-')) {
      const team = this.#teams().roles.find((each: Loose) => each.name === role)
      Object.assign(team, { keyids, threshold })
    } else this.roles['root'].roles[role] = { keyids, threshold }
    const { keys } = role.startsWith('team-') ? this.#teams() : this.roles['root']
    for (const name of names) keys[keyCalled(name).id] = keyCalled(name).json
  }

  #teams(): Loose {
    const { targets } = this.roles
    targets.delegations ??= { keys: {}, roles: [] }
    return targets.delegations
  }

  /** Delegates to a team. */
  team(name: string, keys: readonly string[], paths: readonly string[] = [`teams/${name}/*`]): void {
    const role = `team-${name}`
    this.#teams().roles.push({ name: role, terminating: true, paths })
    this.roles[role] ??= { ...this.roles['targets'], version: 0, targets: {}, delegations: undefined }
    this.give(role, keys)
  }

  /** Puts a target into a role; what it is served with it. */
  file(path: string, contents: string, role = 'targets'): void {
    const bytes = Buffer.from(contents)
    this.roles[role].targets[path] = { length: bytes.length, hashes: { sha256: digestOf(bytes) } }
    this.files.set(targetFile(path, digestOf(bytes)), bytes)
  }

  /** The next version of each of these roles, signed by its keys and named by what names it. */
  publish(...roles: readonly string[]): void {
    for (const role of roles) {
      const signed = this.roles[role]
      signed.version++
      const signers = this.signers.get(role) ?? []
      const bytes = signedBy(
        signed,
        role === 'root' ? [...new Set([...this.#rootSigners, ...signers])] : signers,
      )
      if (role === 'root') this.#rootSigners = signers
      this.files.set(this.path(role), bytes)
      const meta = {
        version: signed.version,
        ...(this.hashes && { length: bytes.length, hashes: { sha256: digestOf(bytes) } }),
      }
      if (role === 'snapshot') this.roles['timestamp'].meta['snapshot.json'] = meta
      else if (role === 'targets' || role.startsWith('team-'))
        this.roles['snapshot'].meta[`${role}.json`] = meta
    }
  }

  /** Where the newest metadata of a role lies. */
  path(role: string): string {
    return role === 'timestamp'
      ? 'metadata/timestamp.json'
      : `metadata/${this.roles[role].version}.${role}.json`
  }

  /** Serves other bytes as the newest metadata of a role. */
  replace(role: string, change: (metadata: Loose) => void): void {
    const metadata = JSON.parse(String(this.files.get(this.path(role))))
    change(metadata)
    this.files.set(this.path(role), Buffer.from(JSON.stringify(metadata)))
  }

  readonly source: TufSource = {
    read: async (path, limit) => {
      this.requests.push(path)
      const found = this.files.get(path)
      if (found !== undefined && found.length > limit)
        throw new FileError(`${path} is larger than ${limit} bytes`)
      return found
    },
  }
}

/** A store in memory, with the same rules as one on a disk. */
export function memoryStore(): TufStore & {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly rootFile: (version: number) => Uint8Array | undefined
} {
  const files = new Map<string, Uint8Array>()
  const rootOf = (version: number) => files.get(`metadata/${version}.root.json`)
  const verified: TufRoot[] = []
  const roots = () => {
    for (;;) {
      const [newest] = verified
      const bytes = rootOf((newest?.version ?? 0) + 1)
      if (bytes === undefined) return verified
      verified.unshift((newest === undefined ? readFirstRoot(bytes) : readNextRoot(newest, bytes)).signed)
    }
  }
  const below = (directory: string) => ({
    read: async (path: string) => files.get(path.startsWith('metadata/') ? `${directory}${path}` : path),
  })
  const keep = (directory: string) => (kept: ReadonlyMap<string, Uint8Array>) => {
    for (const [name, bytes] of kept) files.set(`${directory}metadata/${name}`, bytes)
  }
  return {
    files,
    source: below(''),
    waiting: below('waiting/'),
    roots,
    root: () => roots()[0],
    rootFile: rootOf,
    fingerprint: () => {
      const first = rootOf(1)
      return first && digestOf(first)
    },
    floor: () => {
      const bytes = files.get('floor')
      return bytes === undefined ? new Floor() : parseFloor(bytes)
    },
    keepRoot: (version, bytes) => files.set(`metadata/${version}.root.json`, bytes),
    keepFloor: floor => files.set('floor', Buffer.from(floor.print())),
    keepTarget: (path, bytes) => files.set(path, bytes),
    keepMetadata: keep(''),
    keepWaiting: keep('waiting/'),
    prune: paths => {
      for (const path of files.keys())
        if (!paths.has(path) && !/^(?:floor|metadata\/\d+\.root\.json)$/.test(path)) files.delete(path)
    },
  }
}
