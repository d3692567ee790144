/** The draft of `nixsig init` for a place, and what it was made from. */
import { dirname, join } from 'node:path'
import { readNamedFile } from '../files/named-file.ts'
import { ownPlaces } from '../files/own-places.ts'
import { readProtectedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { decodeUtf8 } from '../formats/json/strict.ts'
import { type PolicySource, parsePolicy } from '../policy/language/parse.ts'
import { PolicyError } from '../policy/language/policy-error.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import { type Carried, secretsOf } from '../setup/carry/carried.ts'
import type { FileState } from '../setup/file-state.ts'
import type { Answers } from '../setup/init/answers.ts'
import { draftPolicy } from '../setup/init/draft.ts'
import { lostParts } from '../setup/init/kept.ts'
import { carriedForMachine, carriedForUser } from '../setup/init/machine.ts'
import { type Putting, policyState } from '../setup/init/put.ts'
import { machinePlaces } from '../setup/places.ts'
import { authorHere } from './exemption-end.ts'
import { reportOn } from './policy-report.ts'
import { UsageError } from './usage-error.ts'

const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/** Where the policy is to lie. */
export interface InitTarget {
  /** Absolute. */
  readonly file: string
  readonly directory: string
  readonly isRoot: boolean
  /** Whether it is the policy by which this machine judges. */
  readonly isMachine: boolean
}

/** What lies there, and what nix.conf says. */
export interface InitFound {
  readonly carried: Carried
  readonly state: FileState | undefined
  readonly before: { readonly policy: Policy; readonly toml: string } | undefined
  /** Sentences for whoever calls; they show no secret. */
  readonly notes: readonly string[]
}

/** A draft that is valid. */
export interface InitDraft {
  readonly file: string
  readonly isMachine: boolean
  readonly found: InitFound
  readonly toml: string
  readonly policy: Policy
  /** What `policy check` warns of. */
  readonly warnings: readonly string[]
  readonly putting: Putting
}

/**
 * Looks at what is there. Throws UsageError for a policy with errors, and for what nix.conf says
 * that a first policy could not; FileError and FormatError for files that cannot be relied on.
 */
export function lookForInit(target: InitTarget): InitFound {
  const state = policyState(target.file)
  const before = state === undefined ? undefined : readBefore(target, state)
  const places = machinePlaces()
  const config = dirname(dirname(ownPlaces().policy))
  const carried = target.isRoot ? carriedForMachine(places, before?.policy) : carriedForUser(places, config)
  if (before !== undefined) return { carried, state, before, notes: [] }
  if (carried.obstacles.length > 0)
    throw new UsageError(
      `in the way of a first policy: ${carried.obstacles.join('; ')}; next: put that right, then nixsig init`,
    )
  return { carried, state, before, notes: carried.notes }
}

function readBefore({ file, directory }: InitTarget, state: FileState) {
  const toml = decodeUtf8(state.bytes, 'policy')
  try {
    return { toml, policy: parsePolicy(sourceFor(file, directory, toml)) }
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error
    throw new UsageError(
      `${printable(file)} has errors (${error.problems[0].message}, line ${error.line}), so init cannot refine it; next: nixsig policy check ${printable(file)}, and mend them`,
    )
  }
}

/** Certificates that the machine is to judge by have to be guarded like the policy. */
function sourceFor(file: string, directory: string, toml: string): PolicySource {
  const certificate = (path: string) =>
    process.geteuid?.() === 0
      ? readProtectedFile(path, CERTIFICATE_LIMIT)
      : readNamedFile(path, CERTIFICATE_LIMIT).bytes
  return { toml, file, directory, certificate }
}

/**
 * Makes the draft and checks it. Throws PolicyError if it is not valid, FormatError if the policy
 * that is there cannot be refined, and FileError if something would be lost.
 */
export function draftFor(
  target: InitTarget,
  found: InitFound,
  { answers, now }: { readonly answers: Answers; readonly now: Instant },
): InitDraft {
  const { file, directory, isMachine } = target
  const { before, carried, state } = found
  const attestations = join(directory, 'attestations')
  const toml = draftPolicy({ answers, carried, attestations, before, now, author: authorHere() })
  const source = sourceFor(file, directory, toml)
  const policy = parsePolicy(source)
  const lost = before === undefined ? [] : lostParts(before.policy, policy)
  if (lost.length > 0)
    throw new FileError(
      `${printable(file)} is written in a way that init cannot refine without changing ${lost.join(', ')}; next: change it by hand, see docs/policy.md`,
    )
  // The directory beside it is made with it.
  const warnings = reportOn(source, now).warnings.filter(
    ({ code, message }) => code !== 'directory' || !message.startsWith(printable(attestations)),
  )
  return {
    file,
    isMachine,
    found,
    toml,
    policy,
    warnings: warnings.map(({ message }) => message),
    putting: {
      file,
      toml,
      before: state,
      secrets: before === undefined && target.isRoot ? secretsOf(carried) : [],
      directories: policy.attestations,
      machine: isMachine ? machinePlaces() : undefined,
    },
  }
}
