/**
 * The program of Nix's `build-hook` setting. Nix asks it about each derivation before building; one
 * process serves a whole command. A refusal fails only that goal and what depends on it. Trusted
 * derivations are left to Nix or passed on to the program that this one replaces.
 *
 * Nix reads our standard error: a line that begins with `# ` is the answer, any other line is shown
 * to its user.
 */
import { closeSync, writeSync } from 'node:fs'
import { readAccepted, readBuildRequest, readSettings } from '../src/store/build-hook.ts'
import { couldBuildByLedger } from '../src/verifier/by-ledger.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'
import { refuseInTime, refuseUnlessAnswered } from './fail-closed.ts'
import { EndOfInput, type NixInput, openNixInput } from './nix-input.ts'
import type { RemoteBuilders } from './remote-builders.ts'
import { sayRefused } from './say.ts'

/** The file descriptor from which Nix reads a build's log. */
const BUILD_LOG = 4
/** The exit status for a permanent build failure. */
const FAILED = 100

interface Session {
  readonly input: NixInput
  /** The remote builders, started when first needed; undefined if there are none. */
  builders(): Promise<RemoteBuilders | undefined>
}

/**
 * Answers requests until Nix has no more or a build was refused or handed over; returns the exit
 * status.
 */
async function serve(session: Session): Promise<number> {
  for (;;) {
    const { value, bytes } = session.input.take(readBuildRequest())
    const refusal = await refusalOf(value.derivation)
    if (refusal !== undefined) return refuse(session.input, refusal)
    const builders = await session.builders()
    const answer = (await builders?.ask(bytes)) ?? { word: 'decline' as const }
    answerNix(answer.word)
    if (answer.word === 'accept' && builders !== undefined) {
      writeSync(2, `${answer.machine}\n`)
      return builders.build(session.input.take(readAccepted()).bytes)
    }
  }
}

/** Why a derivation may not be built; undefined if it may. */
async function refusalOf(derivation: string): Promise<string | undefined> {
  const late = refuseInTime(derivation)
  try {
    if (isKnown(derivation)) return undefined
    const { outcome, sentence } = await (await import('./ask-or-judge.ts')).decide({
      kind: 'may-build',
      derivation,
    })
    return outcome === 'pass' ? undefined : sentence
  } finally {
    clearTimeout(late)
  }
}

function isKnown(derivation: string): boolean {
  try {
    return couldBuildByLedger(DEFAULT_PLACES, derivation)
  } catch {
    // Judging meets the same problem, and reports it.
    return false
  }
}

/**
 * Accepts the build and then fails it. Nix's messages have to be read; otherwise it would build
 * locally.
 */
function refuse(input: NixInput, sentence: string): number {
  answerNix('accept')
  writeSync(2, 'nixsig\n') // the name of the remote builder
  input.take(readAccepted())
  writeSync(BUILD_LOG, `nixsig: ${sentence}\n`)
  closeSync(BUILD_LOG)
  return FAILED
}

function answerNix(answer: string): void {
  writeSync(2, `# ${answer}\n`)
}

function openSession(): Session {
  const input = openNixInput(0)
  const { value: settings, bytes } = input.take(readSettings())
  let builders: RemoteBuilders | undefined
  return {
    input,
    async builders() {
      const { hasBuilders, startRemoteBuilders } = await import('./remote-builders.ts')
      if (!hasBuilders(settings.get('builders') ?? '')) return undefined
      builders ??= startRemoteBuilders(bytes, process.argv[2] ?? '0', BUILD_LOG)
      return builders
    },
  }
}

async function main(): Promise<number> {
  try {
    return await serve(openSession())
  } catch (error) {
    if (error instanceof EndOfInput && !error.inTheMiddle) return 0
    sayRefused(`: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
}

// Nix takes silence for a no.
refuseUnlessAnswered()
main().then(status => process.exit(status))
