/**
 * Books of lists: whatever is changed in one, look-ups answer what the book that was written answers,
 * or refuse and say what to do next. And their records, which whoever writes the right checksum
 * could fill with anything.
 */
import { strict as assert } from 'node:assert'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../../src/files/regular-file.ts'
import {
  readAbout,
  readDevelopers,
  readGroup,
  readKeys,
  readRevocation,
  readTeam,
} from '../../src/lists/book/records.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { answersOf, writeSmall } from '../../test/support/lists/small-lists.ts'
import { bytesOf, refusalOf, type Target } from '../target.ts'

const NEXT = /"nixsig trust update debian"$/

/** A book in this directory, which is made. */
function changedBook(directory: string): Target {
  mkdirSync(directory, { recursive: true })
  writeSmall(directory, ['carol'])
  const file = join(directory, 'book')
  const book = readFileSync(file)
  const answers = answersOf(directory)
  return {
    name: 'changed book',
    seeds: [book],
    tokens: [
      'nixsig-book-1 ',
      ' ',
      '\n',
      '\0\0\0\0',
      '\x01\0\0\0',
      '{"name":"',
      'debian/alice',
      '"threshold":1',
      '[]',
    ],
    check: input => {
      writeFileSync(file, input)
      try {
        assert.deepEqual(answersOf(directory), answers)
        return 'the same answers'
      } catch (error) {
        const refusal = refusalOf(error, [FileError])
        assert.match((error as Error).message, NEXT)
        return refusal
      }
    },
  }
}

const READERS = { readAbout, readDevelopers, readGroup, readKeys, readRevocation, readTeam }

const RECORDS: readonly string[] = [
  '{"name":"debian","says":"vouched"}',
  '{"name":"debian/libmd","names":["libmd-*"],"urls":[],"by":["debian/a"],"threshold":1,"standing":"seen","team":0}',
  '{"members":["debian/a"],"threshold":1}',
  `[{"key":"k-1:AAAA","namespaces":["file"],"validFrom":1},{"openpgp":"${'A'.repeat(40)}","sha256":"${'ab'.repeat(32)}","holds":["x"],"validUntil":2}]`,
  '{"target":{"principal":"debian/a"},"from":1,"reason":"stolen"}',
  '{"target":{"key":"ed25519:ab"},"from":1}',
  '{"names":["gnome-*"],"urls":["https://*"]}',
]

/** What reads a record takes it in the one shape that it has, or says what is wrong. */
const RECORD: Target = {
  name: 'book record',
  seeds: RECORDS.map(bytesOf),
  tokens: [
    '"',
    ':',
    ',',
    '{',
    '}',
    '[',
    ']',
    '0',
    '-1',
    'null',
    '"team":',
    '"key":',
    '"target":',
    '"openpgp":',
  ],
  check: input => {
    const outcomes = Object.entries(READERS).map(([name, read]) => {
      try {
        const value = read(input)
        assert.deepEqual(read(bytesOf(JSON.stringify(value))), value)
        return name
      } catch (error) {
        return refusalOf(error, [FormatError])
      }
    })
    return outcomes.find(outcome => outcome in READERS) ?? outcomes[0] ?? ''
  },
}

export function bookTargets(directory: string): readonly Target[] {
  return [changedBook(directory), RECORD]
}
