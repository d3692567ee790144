/**
 * Signed histories made object by object and packed by our own hand, so that thousands of commits
 * take a second and any mistake can be made.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { type MadeKey, type SignatureOptions, signaturePacket, TYPE } from './openpgp-maker.ts'

/** What a commit is made of. */
export interface CommitParts {
  /** The top of its tree: names and contents. */
  readonly files: Readonly<Record<string, string | Buffer>>
  readonly parents?: readonly string[]
  /** Signs it; unsigned if absent. */
  readonly by?: MadeKey
  readonly message?: string
  /** When it was signed, in seconds since 1970. */
  readonly at?: number
  readonly signature?: Partial<SignatureOptions>
  /** The header with the signature, made of what is signed; by default of a signature by `by`. */
  readonly header?: (payload: string) => string
  /** Changes the whole commit after it was signed. */
  readonly tamper?: (text: string) => string
  /** More entries at the top of the tree, after those of `files`, which may have one name twice. */
  readonly doubled?: Readonly<Record<string, string>>
  /** Modes of files that are not plain ones. */
  readonly modes?: Readonly<Record<string, string>>
}

export interface SignedHistory {
  readonly directory: string
  /** Adds a commit; returns its id. */
  commit(parts: CommitParts): string
  /** Writes what was added since, and lets a reference point to a commit. */
  write(refs?: Readonly<Record<string, string>>): void
}

export const SIGNED_AT = Date.UTC(2024, 0, 2) / 1000

/** A new, empty repository, bare or with a work tree that is not checked out. */
export function signedHistory(directory: string): SignedHistory {
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', directory])
  const objects = new Map<string, { readonly type: number; readonly bytes: Buffer }>()
  const add = (type: number, name: string, bytes: Buffer): string => {
    const id = createHash('sha1').update(`${name} ${bytes.length}\0`).update(bytes).digest('hex')
    objects.set(id, { type, bytes })
    return id
  }
  return {
    directory,
    commit: parts => {
      const all = [...Object.entries(parts.files), ...Object.entries(parts.doubled ?? {})]
      const entries = all.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      const tree = entries.map(([name, contents]) => {
        const id = add(3, 'blob', Buffer.from(contents))
        const mode = parts.modes?.[name] ?? '100644'
        return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')])
      })
      return add(1, 'commit', Buffer.from(textOf(parts, add(2, 'tree', Buffer.concat(tree))), 'latin1'))
    },
    write: (refs = {}) => {
      if (objects.size > 0) writePack(directory, [...objects.values()])
      objects.clear()
      for (const [name, id] of Object.entries(refs)) {
        const file = join(directory, name)
        mkdirSync(dirname(file), { recursive: true })
        writeFileSync(file, `${id}\n`)
      }
    },
  }
}

function textOf(parts: CommitParts, tree: string): string {
  const { parents = [], message = 'Change\n', at = SIGNED_AT, by, tamper = text => text } = parts
  const people = ['author', 'committer'].map(role => `${role} Dev <dev@example.org> ${at} +0000\n`)
  const head = [`tree ${tree}\n`, ...parents.map(id => `parent ${id}\n`), ...people].join('')
  const sign = by === undefined ? () => '' : (payload: string) => signatureHeader(by, payload, parts)
  const header = (parts.header ?? sign)(`${head}\n${message}`)
  return tamper(`${head}${header}\n${message}`)
}

/** The header `gpgsig` with a signature over a payload. */
export function signatureHeader(key: MadeKey, payload: string, parts: Partial<CommitParts> = {}): string {
  const options = { created: parts.at ?? SIGNED_AT, hash: 10 as const, ...parts.signature }
  const packet = signaturePacket(key, TYPE.file, Buffer.from(payload, 'latin1'), options)
  return `gpgsig ${armour('SIGNATURE', packet).trimEnd().replaceAll('\n', '\n ')}\n`
}

/** Armours binary data as GnuPG does, with its checksum (RFC 9580, section 6.1). */
export function armour(label: 'SIGNATURE' | 'PUBLIC KEY BLOCK', bytes: Buffer): string {
  let crc = 0xb704ce
  for (const byte of bytes) {
    crc ^= byte << 16
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x800000 ? ((crc << 1) ^ 0x1864cfb) & 0xffffff : crc << 1
  }
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  const sum = Buffer.of(crc >> 16, (crc >> 8) & 0xff, crc & 0xff).toString('base64')
  return `-----BEGIN PGP ${label}-----\n\n${lines.join('\n')}\n=${sum}\n-----END PGP ${label}-----\n`
}

/** Writes a pack of whole objects (gitformat-pack(5)) and has git index it. */
function writePack(
  directory: string,
  objects: readonly { readonly type: number; readonly bytes: Buffer }[],
): void {
  const head = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1')
  head.writeUInt32BE(objects.length, 8)
  const parts: Uint8Array[] = [head]
  for (const { type, bytes } of objects)
    parts.push(entryHead(type, bytes.length), deflateSync(bytes, { level: 1 }))
  const body = Buffer.concat(parts)
  const pack = Buffer.concat([body, createHash('sha1').update(body).digest()])
  execFileSync('git', ['-C', directory, 'index-pack', '--stdin'], {
    input: pack,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
}

function entryHead(type: number, length: number): Buffer {
  const bytes = [(type << 4) | (length & 0x0f)]
  for (let left = length >> 4; left > 0; left >>= 7) {
    bytes.push(left & 0x7f)
    bytes[bytes.length - 2] = (bytes.at(-2) ?? 0) | 0x80
  }
  return Buffer.from(bytes)
}
