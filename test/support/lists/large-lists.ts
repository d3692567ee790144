/** Lists as large as they may be, and hostile ones. */
import { join } from 'node:path'
import { emptyList, type ListDocument, type ListedDevelopers } from '../../../src/formats/lists/listed.ts'
import { type BookPart, writeBook } from '../../../src/lists/book/write.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'

/** A key that nobody has, as OpenSSH writes it: most of these are points of large order. */
function keyNumber(number: number): string {
  const publicKey = Buffer.from(sha256(Buffer.from(`key ${number}`)))
  const parts = [Buffer.from('ssh-ed25519'), publicKey]
  const wire = parts.flatMap(part => [Buffer.from([0, 0, 0, part.length]), part])
  return `ssh-ed25519 ${Buffer.concat(wire).toString('base64')}`
}

/** What the developers of number `n` sign. */
export type EntryOf = (n: number) => Pick<ListedDevelopers, 'names' | 'urls'>

/** As a distribution would have it. */
export const ORDINARY: EntryOf = n => ({
  names: [`${projectName(n)}-*.tar.*`],
  urls: [
    `https://${projectName(n)}.example.org/releases/*`,
    `https://mirror.example.org/${projectName(n)}/*`,
  ],
})

/** Nothing but wildcards in front. */
export const FROM_THE_END: EntryOf = n => ({ names: [`*-${projectName(n)}.tar.gz`], urls: [] })

export function projectName(n: number): string {
  return `project-${toHex(sha256(Buffer.from(`${n}`))).slice(0, 8)}`
}

/** A list of this many entries, and people with one key each who take turns in them. */
export function listOf(entries: number, entryOf: EntryOf, people = entries): ListDocument {
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
  const developers = numbers(entries).map(n => {
    const entry = { by: [`p${n % people}`], threshold: 1, provenance: [], tried: [], ...entryOf(n) }
    return [`e${n}`, entry] as const
  })
  return {
    ...emptyList('large', 'vouched'),
    principals: new Map(numbers(people).map(n => [`p${n}`, { keys: [{ key: keyNumber(n) }] }])),
    developers: new Map(developers),
  }
}

/** Writes the book of a list that the user calls `debian`, and returns its file. */
export function bookFor(directory: string, document: ListDocument, ends = 4_000_000_000): string {
  const certificate: BookPart['certificate'] = path => {
    throw new Error(`there is no ${path}`)
  }
  writeBook(directory, { name: 'debian', parts: [{ document, certificate }], version: 1, ends, seen: 10 })
  return join(directory, 'book')
}
