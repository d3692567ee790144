import { FileError } from '../../files/regular-file.ts'
import { inputPath } from '../../formats/locks/flake-lock.ts'
import type { Around, GitPin, InnerPin, LockedInput, OtherPin } from '../../formats/locks/locked-input.ts'
import { exitCode } from '../../policy/exit-code.ts'
import { judge } from '../../policy/judge.ts'
import { inputRuleFor, ruleFor } from '../../policy/match.ts'
import type { Instant, Policy } from '../../policy/policy.ts'
import type { Subject } from '../../policy/verdict.ts'
import { sentenceWith } from '../../policy/wording.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { examinedCommit } from '../examined-commit.ts'
import { judgeRevision } from '../judge-revision.ts'
import { READS_OBJECTS } from '../nix-minor.ts'
import { aroundLock, leaving, missing } from './inner-place.ts'
import type { InputVerdict, LockFinding } from './input-verdict.ts'
import { judgeOdd } from './judge-odd.ts'
import { placeInTree } from './place-in-tree.ts'
import type { Repositories } from './repositories.ts'
import { submodulesOf } from './submodules.ts'
import { compareTree, type TreeMatch } from './tree-hash.ts'
import { narHashWords } from './words.ts'

/** With what inputs are judged. */
export interface InputJudge {
  readonly policy: Policy
  readonly repositories: Repositories
  readonly now: Instant
  /** The lock, as verdicts name it. */
  readonly file: string
  /** The directory with the lock, if the tree around it is judged too. */
  readonly directory?: string
  /** The minor version of the Nix 2 that evaluates; absent: it could be any. */
  readonly minor?: number
}

/** Judges one input by the rule for its URL. Never throws for what the input is. */
export async function judgeInput(by: InputJudge, input: LockedInput): Promise<InputVerdict> {
  const { path, line, pin } = input
  const place = { file: by.file, line, input: path, notes: [] }
  if (pin.kind === 'inside') {
    const notes = [`part of ${pin.of.length === 0 ? 'the tree around the lock' : inputPath(pin.of)}`]
    const findings = await judgeInner(by, pin, input.around ?? {})
    return { ...place, url: '', rule: '', findings, notes }
  }
  if (pin.kind === 'odd') return { ...place, ...judgeOdd(by.policy, pin), isUnread: true }
  const { title } = ruleFor(by.policy, { name: pin.url, kind: 'expression' })
  const about = {
    ...place,
    url: pin.url,
    rule: title,
    ...(pin.narHash && { locked: pin.narHash }),
    ...(pin.kind === 'git' && pin.commit && { commit: pin.commit }),
  }
  if (isRefused(by.policy, pin.url)) return { ...about, findings: [refused(by, pin)] }
  if (pin.kind !== 'git') return { ...about, findings: withoutCommit(by, pin) }
  if (!isPinned(by, pin) || isFree(by.policy, pin.url)) return { ...about, findings: withoutCommit(by, pin) }
  try {
    return { ...about, ...(await judgeCommit(by, { pin, again: lockingAgain(input) }, pin.commit)) }
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    return { ...about, findings: [unavailable(error.message)] }
  }
}

/**
 * Whether the lock decides the contents. A repository needs no NAR hash if the Nix that evaluates
 * reads the objects of the commit. Older ones run git in a repository that belongs to the URL,
 * which may have got replaced objects, and names of references that end up in files, from another
 * pin, another expression or another day. An archive needs a NAR hash, and so does what a local
 * repository has a say in.
 */
function isPinned(by: InputJudge, pin: GitPin): pin is GitPin & { readonly commit: string } {
  return pin.commit !== undefined && (pin.narHash !== undefined || isFetchedById(by, pin))
}

function isFetchedById(
  { minor = 0 }: Pick<InputJudge, 'minor'>,
  { form, url, ref = '', allRefs }: GitPin,
): boolean {
  if (minor < READS_OBJECTS) return false
  if (form !== 'repository' || url.startsWith('file:') || allRefs === true) return false
  return !ref.startsWith('refs/') || /^refs\/(?:heads|tags)\//.test(ref)
}

const WITHOUT_HASH =
  'without a NAR hash that Nix checks, replaced objects, attributes and filters of the repository may decide which files it takes for the commit'

/** Whether the rule requires nothing, so that any revision passes that the lock pins. */
function isFree(policy: Policy, url: string): boolean {
  return inputRuleFor(policy, url)?.require.kind === 'nothing'
}

/** Whether nothing could meet the rule, or there is none: nothing has to be fetched to know it. */
function isRefused(policy: Policy, url: string): boolean {
  const requirement = inputRuleFor(policy, url)?.require
  return requirement === undefined || requirement.kind === 'refuse'
}

function refused({ policy, now }: InputJudge, pin: GitPin | OtherPin): LockFinding {
  const verdict = judge(policy, subjectOf(pin), { claims: [], strays: [], troubles: [] }, now)
  const next = `next: a rule of [[inputs]] whose url matches ${printable(pin.url, 200)}`
  return finding('not-signed-enough', sentenceWith(verdict, next), statusOf(verdict))
}

function subjectOf(pin: GitPin | OtherPin): Subject {
  const path = pin.kind === 'git' ? (pin.commit ?? pin.url) : pin.url
  return { path, name: pin.url, kind: 'expression', narHash: pin.narHash ?? '', builtHere: false }
}

/** Of what no commit stands behind, or where nothing is required of it. */
function withoutCommit(by: InputJudge, pin: GitPin | OtherPin): readonly LockFinding[] {
  const { policy, now } = by
  const isLocked =
    pin.kind === 'git' ? isPinned(by, pin) : pin.narHash !== undefined || pin.isPinnedFlat === true
  if (!isLocked && inputRuleFor(policy, pin.url)?.acceptUnlocked !== true) {
    const isLoose = pin.kind === 'git' && pin.form === 'repository' && pin.commit !== undefined
    const why = isLoose ? `: ${WITHOUT_HASH}${evaluatorWords(by, pin)}` : ''
    const lock = isLoose ? 'pin it with a NAR hash (flake.lock; npins upgrade)' : 'lock it (nix flake lock)'
    const next = `${lock}, or accept-unlocked in its rule of [[inputs]]`
    return [{ code: 'unlocked', message: `the lock does not pin it${why}: ${next}`, status: 12 }]
  }
  const verdict = judge(policy, subjectOf(pin), { claims: [], strays: [], troubles: [] }, now)
  if (verdict.outcome === 'trusted') return []
  const next = 'pin a commit of a repository in its place, or a rule of [[inputs]] that requires "nothing"'
  const message = `${WHAT[pin.kind]}, so that nobody can have signed its revision: ${next}`
  return [{ code: 'unverifiable', message, status: 12 }]
}

/** Why the Nix that evaluates matters, where another one would do. */
function evaluatorWords({ minor }: InputJudge, pin: GitPin): string {
  if (!isFetchedById({ minor: READS_OBJECTS }, pin)) return ''
  const which =
    minor === undefined ? 'no Nix says its version here' : `the Nix here fetches as 2.${minor} does`
  return ` unless Nix 2.${READS_OBJECTS} or later evaluates, and ${which}`
}

const WHAT: Readonly<Record<GitPin['kind'] | OtherPin['kind'], string>> = {
  git: 'a repository whose files the lock does not pin',
  tarball: 'an archive',
  file: 'a file',
  path: 'a directory that is copied as it is',
  mercurial: 'a repository of Mercurial',
  indirect: 'whatever a registry stands for',
}

type Judged = Pick<InputVerdict, 'computed' | 'checkout' | 'revision' | 'findings' | 'notes'>

/** A pin, and what locks its input again. */
interface Relocked {
  readonly pin: GitPin
  readonly again: string
}

/** The command that locks an input again, as far as there is one. */
function lockingAgain({ names, pin }: LockedInput): string {
  if (names === undefined) return 'with the tool that wrote the pin'
  const name = names.join('/')
  const isMoved = pin.kind === 'git' && !pin.submodules && !pin.lfs
  const command = isMoved ? 'nixsig lock update' : 'nix flake update'
  return /^[\w+.][\w+./-]{0,199}$/.test(name) ? `${command} ${name}` : command
}

/** Who signed the commit, and whether its files are those of the lock. */
async function judgeCommit(by: InputJudge, { pin, again }: Relocked, commit: string): Promise<Judged> {
  const { url, from } = pin
  const repository = await by.repositories.holding(url, from, commit)
  const revision = await judgeRevision(by.policy, { repository, url, commit }, by.now)
  const read = revision.revision
  const { verdict } = revision
  const unmet: LockFinding[] =
    verdict.outcome === 'trusted'
      ? []
      : [
          {
            code: read ? 'not-signed-enough' : 'unavailable',
            message: sentenceWith(
              verdict,
              `next: have it signed (nixsig git sign), or lock a commit that is (${again})`,
            ),
            status: statusOf(verdict),
          },
        ]
  if (read === undefined) return { revision, findings: unmet, notes: [] }
  if (read.narHash === '') {
    if (unmet.length === 0) throw new FileError(`the files of commit ${commit} were not hashed`)
    return { revision, findings: unmet, notes: ['its files were not compared: too few people signed it'] }
  }
  if (pin.lfs) {
    const message = 'its files are in Git LFS, which no commit covers: lock it without lfs'
    return {
      revision,
      computed: read.narHash,
      findings: [...unmet, finding('unavailable', message, 20)],
      notes: [],
    }
  }
  const objects = await repository.examined(commit)
  if (pin.dir !== undefined) {
    const found = await placeInTree(objects, read.tree, pin.dir.split('/'))
    unmet.push(...missing(printable(pin.dir, 100), found, pin.submodules))
  }
  if (pin.narHash === undefined) {
    const notes = ['the lock has no NAR hash: the commit alone pins its files']
    return { revision, computed: read.narHash, findings: unmet, notes }
  }
  const place = { directory: repository.directory, objects, tree: read.tree }
  const submodules = pin.submodules
    ? submodulesOf(by.repositories, { url, from, repository, tree: read.tree })
    : ('empty' as const)
  const raw = pin.submodules ? undefined : read.narHash
  const match = await compareTree({ ...place, submodules }, pin.narHash, raw)
  if (match.matches === undefined) {
    return {
      revision,
      computed: match.raw,
      findings: [otherContents({ pin, again }, match), ...unmet],
      notes: [],
    }
  }
  const notes =
    match.matches === 'raw' ? [] : [`the files of the lock are those of the tree after ${match.matches}`]
  return { revision, computed: match.raw, checkout: match.matches, findings: unmet, notes }
}

function otherContents(
  { pin: { narHash = '' }, again }: Relocked,
  match: TreeMatch & { matches: undefined },
): LockFinding {
  const how = match.isSubstituted
    ? 'its attributes have export-subst, with which an archive of it has no lasting hash: lock it with git+https:'
    : `somebody changed the lock, or a server sent other files: lock it again (${again}), and find out who`
  const hashes = `the lock has ${narHashWords(narHash)}, and the commit's files have ${narHashWords(match.raw)}`
  return finding('other-contents', `${hashes}, with export-ignore and eol applied too: ${how}`, 13)
}

function statusOf(verdict: Parameters<typeof exitCode>[0]): LockFinding['status'] {
  const status = exitCode(verdict)
  return status === 0 ? 20 : status
}

function unavailable(detail: string): LockFinding {
  const next = 'ask again when the server answers, or name a clone with --repo URL=DIR'
  return finding('unavailable', `${detail}: ${next}`, 20)
}

function finding(code: LockFinding['code'], message: string, status: LockFinding['status']): LockFinding {
  return { code, message, status }
}

/** A directory of another input is verified with that one, if it is in its tree. */
async function judgeInner(
  by: InputJudge,
  { directory }: InnerPin,
  { pin, place }: Around,
): Promise<readonly LockFinding[]> {
  const name = printable(directory, 100)
  if (place === undefined) return [leaving(name)]
  if (pin === undefined) return aroundLock(by.directory, name, place)
  // What is wrong with the input around it is said there.
  const { policy } = by
  if (pin.kind !== 'git' || !isPinned(by, pin) || isRefused(policy, pin.url) || isFree(policy, pin.url)) {
    return []
  }
  try {
    const repository = await by.repositories.holding(pin.url, pin.from, pin.commit)
    const { objects, tree } = await examinedCommit(repository, pin.commit)
    return missing(name, await placeInTree(objects, tree, place), pin.submodules)
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    return [unavailable(error.message)]
  }
}
