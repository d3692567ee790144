/** The tree around a lock: whether its commit is signed, and whether the work tree is that commit. */
import { join, relative } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import { canonicalUrl, pathUrl } from '../../formats/locks/input-url.ts'
import { topOf } from '../../git/layout.ts'
import { type OpenRepository, openRepository } from '../../git/open-repository.ts'
import { exitCode } from '../../policy/exit-code.ts'
import { ruleFor } from '../../policy/match.ts'
import { sentenceWith } from '../../policy/wording.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { judgeRevision } from '../judge-revision.ts'
import { READS_OBJECTS } from '../nix-minor.ts'
import { borrowedFromOthers } from './borrowed-objects.ts'
import { differencesOf } from './checked-out.ts'
import type { InputVerdict, LockFinding } from './input-verdict.ts'
import { type InputJudge, judgeInput } from './judge-input.ts'
import { changingSetting } from './local-settings.ts'
import { substitutionIn } from './substitutions.ts'
import { filesOfTree } from './work-tree.ts'

const SHOWN = 5

const NEXT = 'next: have it signed (nixsig git status tells what is missing), or give --inputs-only'

export interface SelfQuestion {
  /** The directory with the lock, absolute. */
  readonly directory: string
  /** The URL by which `[[inputs]]` names it; by default `file://` and the top of the work tree. */
  readonly url: string | undefined
  /** Whether a work tree that differs from its commit passes. */
  readonly allowDirty: boolean
  /** Whether files pass that the commit lacks, where they count. */
  readonly allowUntracked?: boolean
  /** The locks in the directory, relative to it. */
  readonly locks: readonly string[]
}

/** Judges the tree around a lock. Never throws for what it is. */
export async function judgeSelf(by: InputJudge, question: SelfQuestion): Promise<InputVerdict> {
  const top = topOf(question.directory)
  if (top === undefined) {
    const url = pathUrl(escaped(question.directory, CONTROL))
    return judgeInput(by, { path: 'self', line: 1, pin: { kind: 'path', url } })
  }
  const url = question.url === undefined ? `file://${escaped(top, UNFIT)}` : canonicalUrl(question.url, 'git')
  const about = {
    file: by.file,
    line: 1,
    input: 'self',
    url,
    rule: ruleFor(by.policy, { name: url, kind: 'expression' }).title,
  }
  let repository: OpenRepository | undefined
  try {
    repository = openRepository(top)
    const commit = await repository.resolve('HEAD')
    return { ...about, commit, ...(await judgeCommit(by, question, { top, repository, commit, url })) }
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    const message = `${error.message}: commit what is here, or give --inputs-only`
    return { ...about, findings: [{ code: 'unavailable', message, status: 20 }], notes: [] }
  } finally {
    repository?.close()
  }
}

/** What no path of a canonical URL has, and what means something else in one. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u
const UNFIT = /[%?#\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/** A path with escapes as in URLs, if something in it needs one: then `%` has one as well. */
function escaped(path: string, unfit: RegExp): string {
  return unfit.test(path) ? path.replaceAll(new RegExp(UNFIT, 'gu'), encodeURIComponent) : path
}

interface Checkout {
  readonly top: string
  readonly repository: OpenRepository
  readonly commit: string
  readonly url: string
}

async function judgeCommit(
  by: InputJudge,
  { directory, allowDirty, allowUntracked = false, locks }: SelfQuestion,
  { top, repository, commit, url }: Checkout,
): Promise<Pick<InputVerdict, 'computed' | 'revision' | 'findings' | 'notes'>> {
  const revision = await judgeRevision(by.policy, { repository, url, commit }, by.now)
  const { verdict } = revision
  const status = exitCode(verdict)
  const findings: LockFinding[] = []
  const code = revision.revision ? 'not-signed-enough' : 'unavailable'
  if (status !== 0) findings.push({ code, message: sentenceWith(verdict, NEXT), status })
  if (revision.revision === undefined) return { revision, findings, notes: [] }
  const { tree, narHash } = revision.revision
  const files = await filesOfTree(await repository.examined(commit), tree)
  // Nix copies a flake from its repository. What npins and niv pin, expressions use where they lie.
  const isInPlace = locks.some(lock => lock !== 'flake.lock')
  const checkout = { top, view: repository.directory, files }
  const { changed, untracked } = await differencesOf(checkout, isInPlace)
  const notes: string[] = []
  if (changed.length > 0 && allowDirty) notes.push(dirtyWords(changed))
  else if (changed.length > 0) {
    const next = 'commit and have it signed, or give --allow-dirty'
    findings.push({ code: 'dirty', message: `${dirtyWords(changed)}: ${next}`, status: 13 })
  }
  if (untracked.length > 0 && (allowDirty || allowUntracked)) notes.push(untrackedWords(untracked))
  else if (untracked.length > 0) {
    const next = 'evaluate a fresh clone, take them away, or give --allow-untracked'
    findings.push({ code: 'dirty', message: `${untrackedWords(untracked)}: ${next}`, status: 13 })
  }
  const setting = await changingSetting(top, repository.directory)
  if (setting !== undefined) findings.push(changing(setting))
  if ((by.minor ?? 0) < READS_OBJECTS) {
    const decided = (await substitutionIn(repository, tree, files)) ?? borrowedFromOthers(top)
    if (decided !== undefined) findings.push(decidedElsewhere(by, decided))
  }
  const missing = locks.filter(lock => !files.has(relative(top, join(directory, lock))))
  if (missing.length > 0 && !allowDirty) {
    const message = `${missing.join(', ')} is not in the commit, so that Nix does not see it: git add it, and commit`
    findings.push({ code: 'untracked-lock', message, status: 13 })
  }
  return { revision, ...(narHash !== '' && { computed: narHash }), findings, notes }
}

function changing(setting: string): LockFinding {
  const why = 'with which git shows other files than the commit has, and Nix before 2.20 takes those'
  const next = 'take it away, or evaluate a fresh clone'
  return { code: 'other-contents', message: `its repository has ${setting}, ${why}: ${next}`, status: 13 }
}

function decidedElsewhere({ minor }: InputJudge, what: string): LockFinding {
  const which =
    minor === undefined ? 'no Nix says its version here' : `the Nix here fetches as 2.${minor} does`
  const next = `evaluate with Nix 2.${READS_OBJECTS} or later, or take it out of the commit or the repository`
  const message = `Nix before 2.${READS_OBJECTS} takes what git archive writes, and ${which}: ${what}: ${next}`
  return { code: 'other-contents', message, status: 13 }
}

function dirtyWords(changed: readonly string[]): string {
  return `the work tree is not its commit: ${someOf(changed)}`
}

function untrackedWords(untracked: readonly string[]): string {
  return `its expressions are used where they lie, with what its commit does not have: ${someOf(untracked)}`
}

function someOf(paths: readonly string[]): string {
  const names = paths.slice(0, SHOWN).map(path => printable(Buffer.from(path, 'latin1').toString('utf8'), 80))
  const more = paths.length > SHOWN ? ` and ${paths.length - SHOWN} more` : ''
  return `${names.join(', ')}${more}`
}
