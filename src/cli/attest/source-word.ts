import type { Signer } from '../../crypto/signers/signer.ts'
import { keepSignature } from '../../evidence/signature-files.ts'
import { LEVEL } from '../../formats/in-toto/predicates/verification-summary.ts'
import type { Key } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import type { Invocation } from '../command.ts'
import { detachedWords } from '../detached-words.ts'
import { keysOfArgument } from '../key-argument.ts'
import { readPolicy } from '../policy-argument.ts'
import type { Terminal } from '../terminal.ts'
import {
  checkDeveloperSignature,
  keysInForce,
  type Measure,
  type SignatureFiles,
} from './checked-signature.ts'
import { checkGitSignature, type GitArgument } from './git-revision.ts'
import { releaseLine, summaryLine } from './lines.ts'
import { publish } from './options.ts'

/** What somebody says of a source, in which role. */
export type SourceWord =
  | { readonly as: 'reviewer'; readonly signature?: undefined }
  | { readonly as: 'developer'; readonly purl: string; readonly signature?: undefined }
  | {
      readonly as: 'packager'
      /** Files of the developer's signature, or where it is in a git repository; without either there is a reason. */
      readonly signature: SignatureFiles | GitArgument | undefined
      /** Keys to check it with; without them, those of the policy. */
      readonly keys: readonly string[] | undefined
      readonly reason: string | undefined
    }

interface Attesting {
  readonly word: SourceWord
  readonly signer: Signer
  readonly measure: Measure
  /** Directory of attestations. */
  readonly out: string
}

/**
 * Says it of one source: checks what has to be checked, signs, publishes. Throws if there is anything not to stand
 * for.
 */
export async function attestWord(attesting: Attesting, invocation: Invocation): Promise<void> {
  const { word, signer, measure, out } = attesting
  const { terminal } = invocation
  const now = Math.floor(Date.now() / 1000)
  if (word.as === 'packager' && word.signature !== undefined) {
    await attestSigned({ ...attesting, signature: word.signature, keys: word.keys, now }, invocation)
    return
  }
  const contents = await measure()
  if (word.as === 'developer') {
    const line = await releaseLine(signer, contents, word.purl)
    publish(terminal, out, contents.path, { line, says: 'as developer, a release' })
    return
  }
  const level = word.as === 'reviewer' ? LEVEL.reviewed : LEVEL.packaged
  const remark = word.as === 'packager' && word.reason !== undefined ? { remark: word.reason } : {}
  const line = await summaryLine(signer, contents, { level, inputs: [], ...remark }, now)
  publish(terminal, out, contents.path, { line, says: `as ${word.as}, ${level}` })
}

async function attestSigned(
  attesting: Attesting & {
    readonly signature: SignatureFiles | GitArgument
    readonly keys: readonly string[] | undefined
    readonly now: number
  },
  { places, terminal }: Invocation,
): Promise<void> {
  const { signer, measure, out, now } = attesting
  const keys = attesting.keys?.flatMap(keysOfArgument) ?? keysInForce(readPolicy(places.policy, true), now)
  const given = attesting.signature
  if ('revision' in given) {
    await attestGit({ ...attesting, signature: given, keys }, terminal)
    return
  }
  const { contents, signature } = await checkDeveloperSignature(measure, given, keys)
  const level = LEVEL.developerSignatureChecked
  const line = await summaryLine(signer, contents, { level, inputs: signature.inputs }, now)
  // The signature first: whoever finds the attestation shall find what it rests on.
  keepSignature(out, contents.path, signature)
  for (const signer of signature.signers) terminal.print(`developer's signature: ${signer}`)
  publish(terminal, out, contents.path, { line, says: `as packager, ${level}` })
}

/** The signature stays in its repository: who has the files alone cannot check it. */
async function attestGit(
  attesting: Attesting & {
    readonly signature: GitArgument
    readonly keys: readonly Key[]
    readonly now: number
  },
  terminal: Terminal,
): Promise<void> {
  const { signer, measure, out, now } = attesting
  const contents = await measure()
  const { title, results, inputs } = await checkGitSignature(attesting.signature, contents, attesting.keys)
  const level = LEVEL.developerSignatureChecked
  const line = await summaryLine(signer, contents, { level, inputs, remark: title }, now)
  for (const result of results) {
    terminal.print(`developer's signature: ${detachedWords(result)} (${printable(title)})`)
  }
  publish(terminal, out, contents.path, { line, says: `as packager, ${level}` })
}
