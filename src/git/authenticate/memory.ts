/**
 * What was authenticated before, so that only what came since is looked at: a file for each
 * introduction. Root's is below nixsig's own directory, everybody else's in their cache. A file
 * that others can write is not believed.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { keptDirectory } from '../../files/kept-directory.ts'
import { protectedPath, readProtectedFile } from '../../files/owned-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { OBJECT_ID } from '../../formats/git-object-id.ts'
import { jsonObject, printJson } from '../../formats/json/print.ts'
import { fields, type JsonNode, listOf, objectOf, rootNode, stringOf } from '../../formats/json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../../formats/json/strict.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { Introduction, KnownTip } from './semantics.ts'

/** Changes whenever a rule becomes stricter: what was accepted by the old ones is judged again. */
const RULES = 1

const SIZE_LIMIT = 8 * 1024 * 1024
const TIP_LIMIT = 32
const KEY_LIMIT = 10_000
const FORMAT = 'remembered histories'

const HEX = /^[0-9A-Fa-f]{40,64}$/

/** What is remembered about one introduction. */
export interface Memory {
  /** The newest first. */
  readonly tips: readonly KnownTip[]
  /** Why something is not believed. Escaped. */
  readonly doubt?: string
}

/** The directory of this user: `state` is nixsig's own, which is root's. */
export function memoryDirectory(state: string): string {
  return keptDirectory(state, 'histories')
}

/** Reads what is remembered. Never throws for what the file is or holds. */
export function readMemory(directory: string, introduction: Introduction): Memory {
  const file = fileOf(directory, introduction)
  if (!existsSync(file)) return { tips: [] }
  try {
    const text = decodeUtf8(readProtectedFile(file, SIZE_LIMIT), FORMAT)
    const limits = { length: SIZE_LIMIT, depth: 6 }
    return { tips: parseMemory(rootNode(FORMAT, parseStrictJson(text, limits)), introduction) }
  } catch (error) {
    if (error instanceof FileError || error instanceof FormatError) return { tips: [], doubt: error.message }
    throw error
  }
}

/**
 * Remembers one more authentic tip. Returns why it could not be done, escaped; it is no error, only
 * slower the next time.
 */
export function remember(
  directory: string,
  introduction: Introduction,
  { tips, tip }: { readonly tips: readonly KnownTip[]; readonly tip: KnownTip },
): string | undefined {
  const file = fileOf(directory, introduction)
  const kept = [tip, ...tips.filter(({ commit }) => commit !== tip.commit)].slice(0, TIP_LIMIT)
  try {
    if (existsSync(directory)) protectedPath(file.replace(/[^/]+$/, '.'))
    writeDurably(file, `${printMemory(introduction, kept)}\n`, { flush: false })
    return undefined
  } catch (error) {
    if (error instanceof FileError) return error.message
    if (error instanceof Error && 'syscall' in error) return printable(error.message)
    throw error
  }
}

function fileOf(directory: string, { semantics, commit, signer = '' }: Introduction): string {
  const name = toHex(sha256(Buffer.from(`${semantics} ${commit} ${signer}`)))
  return join(directory, `${name}.json`)
}

function printMemory({ semantics, commit, signer }: Introduction, tips: readonly KnownTip[]): string {
  return printJson(
    jsonObject([
      ['version', 1],
      ['rules', RULES],
      ['semantics', semantics],
      ['introduction', commit],
      ['signer', signer],
      [
        'tips',
        tips.map(tip =>
          jsonObject([
            ['commit', tip.commit],
            ['keys', jsonObject([...tip.keys])],
            ['revoked', tip.revoked],
            ['until', tip.until],
          ]),
        ),
      ],
    ]),
  )
}

/** Only what was found by these rules, from this introduction on. Throws FormatError. */
function parseMemory(root: JsonNode, introduction: Introduction): readonly KnownTip[] {
  const {
    version,
    rules,
    semantics,
    introduction: from,
    signer,
    tips,
  } = fields(root, {
    required: ['version', 'rules', 'semantics', 'introduction', 'tips'],
    optional: ['signer'],
    others: 'refuse',
  })
  const isSame =
    stringOf(semantics) === introduction.semantics &&
    stringOf(from) === introduction.commit &&
    (signer && stringOf(signer)) === introduction.signer
  if (!isSame) throw new FormatError(FORMAT, 'of another introduction', 'the whole file')
  if (version.value !== 1 || rules.value !== RULES) return []
  return listOf(tips, TIP_LIMIT).map(parseTip)
}

function parseTip(node: JsonNode): KnownTip {
  const { commit, keys, revoked, until } = fields(node, {
    required: ['commit', 'keys', 'revoked'],
    optional: ['until'],
    others: 'refuse',
  })
  const seconds = until?.value
  const isTime = seconds === undefined || (typeof seconds === 'number' && seconds >= 0)
  if (!isTime) throw new FormatError(FORMAT, 'not a time', until?.where ?? '')
  const entries = [...objectOf(keys)]
  if (entries.length > KEY_LIMIT) throw new FormatError(FORMAT, `more than ${KEY_LIMIT} keys`, keys.where)
  return {
    commit: matching(commit, OBJECT_ID),
    keys: new Map(
      entries.map(([key, value]) => [key, matching({ ...keys, value, where: `${keys.where}.${key}` }, HEX)]),
    ),
    revoked: listOf(revoked, KEY_LIMIT).map(key => matching(key, HEX)),
    ...(seconds === undefined ? {} : { until: seconds }),
  }
}

function matching(node: JsonNode, form: RegExp): string {
  const text = stringOf(node)
  if (form.test(text)) return text
  throw new FormatError(FORMAT, 'not hexadecimal digits of the right length', printable(node.where, 80))
}
