/** Small lists with certificates, in which everything is looked up. */
import { join } from 'node:path'
import { parseList } from '../../../src/formats/lists/document.ts'
import { openBook } from '../../../src/lists/book/read.ts'
import { type BookPart, writeBook } from '../../../src/lists/book/write.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { certificate, direct, keyOfSeed, userId } from '../openpgp-maker.ts'
import { numberedKey } from './documents.ts'

const CREATED = 1_700_000_000

/** A certificate in the list at `certificates/<its name>.pgp`. */
export function certificateOf(name: string) {
  const key = keyOfSeed(CREATED, name)
  const made = { created: CREATED }
  const bytes = certificate(key, direct(key, made), userId(key, name, made))
  return { path: `certificates/${name}.pgp`, openpgp: key.fingerprint.toUpperCase(), bytes }
}

/** A list in which alice has a key, and each of `certified` a certificate. `from`: of a revocation. */
function smallList(certified: readonly string[], from: string): BookPart {
  const certificates = certified.map(certificateOf)
  const list = {
    format: 'nixsig-list-1',
    name: 'x',
    says: 'vouched',
    principals: {
      alice: { keys: [numberedKey(1)] },
      ...Object.fromEntries(
        certificates.map(({ path, openpgp }, n) => [
          certified[n],
          { keys: [{ openpgp, certificate: path }] },
        ]),
      ),
    },
    groups: { all: { members: ['alice', ...certified], threshold: 1 } },
    developers: {
      libmd: {
        names: ['libmd-*.tar.*', '*-libmd.zip'],
        urls: ['https://libmd.example.org/*'],
        by: ['all'],
        threshold: 1,
      },
      other: { names: ['li*-1.tar.gz'], by: ['alice'], threshold: 1 },
    },
    revocations: [
      { principal: 'alice', date: from, reason: 'stolen' },
      { key: numberedKey(1), date: '2026-05-01T00:00:00Z', reason: 'old' },
    ],
    teams: { gnome: { names: ['gnome-*'] } },
  }
  return {
    document: parseList(Buffer.from(JSON.stringify(list)), 'list'),
    certificate: path => {
      const found = certificates.find(one => one.path === path)
      if (found === undefined) throw new Error(`there is no ${path}`)
      return { path, bytes: found.bytes }
    },
  }
}

/** The part of a team with one developer. */
function smallTeam(): BookPart {
  const list = {
    format: 'nixsig-list-1',
    name: 'x',
    says: 'vouched',
    principals: { dora: { keys: [numberedKey(7)] } },
    developers: { shell: { names: ['*'], by: ['dora'], threshold: 1 } },
  }
  const document = parseList(Buffer.from(JSON.stringify(list)), 'team')
  return { document, team: 'gnome', certificate: () => ({ path: '', bytes: new Uint8Array() }) }
}

/** Writes the book of such a list and returns its digest. */
export function writeSmall(
  directory: string,
  certified: readonly string[],
  from = '2026-01-01T00:00:00Z',
): string {
  const parts = [smallList(certified, from), smallTeam()] as const
  return writeBook(directory, { name: 'debian', parts, version: 3, ends: 20, seen: 10 })
}

/** What the book in a directory answers to all questions. Throws what it throws. */
export function answersOf(directory: string): unknown {
  const book = openBook(join(directory, 'book'), 'debian')
  const names = ['alice', 'carol', 'dora', 'erin', 'gnome.dora', 'nobody'].map(name => `debian/${name}`)
  const people = names.map(name => book.principal(name))
  const alone = people.map(
    one => one && { ...one, keys: one.keys.map(key => ({ ...key, publicKey: undefined })) },
  )
  const sources = ['libmd-1.tar.gz', 'x-libmd.zip', 'gnome-shell', 'lib', '']
  return JSON.parse(
    JSON.stringify({
      header: [book.digest, book.version, book.ends, book.seen, book.says],
      people: alone,
      keys: people.map(one =>
        one?.keys.map(key => ('publicKey' in key ? toHex(key.publicKey as Uint8Array) : '')),
      ),
      groups: [...names, 'debian/all'].map(name => book.group(name) ?? null),
      revocations: book.revocations,
      revoked: people.map(one => one && book.revocationsOf(one)),
      entries: sources.map(name => book.developersOf({ name, urls: ['https://libmd.example.org/1'] })),
    }),
  )
}
