/**
 * The program of Nix's `build-hook` setting: it is asked about each derivation before Nix builds it, once for a whole
 * command, and a refusal costs that one goal alone: what does not need it goes on. What is trusted is left to Nix, or
 * passed on to the program that this one stands before.
 *
 * Nix reads our standard error: a line that begins with `# ` is the answer, any other goes to its user.
 */
import { closeSync, writeSync } from 'node:fs'
import { readAccepted, readBuildRequest, readSettings } from '../src/store/build-hook.ts'
import { couldBuildByLedger } from '../src/verifier/by-ledger.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'
import { EndOfInput, type NixInput, openNixInput } from './nix-input.ts'
import type { RemoteBuilders } from './remote-builders.ts'
import { sayRefused } from './say.ts'

/** Where Nix reads the log of a build. */
const BUILD_LOG = 4
/** The status of a build that failed for good. */
const FAILED = 100
/** Later than this is never. */
const DEADLINE_MS = 30 * 60 * 1000

interface Session {
  readonly input: NixInput
  /** Starts them when they are needed first; undefined: there are none. */
  builders(): Promise<RemoteBuilders | undefined>
}

/** Answers requests until Nix has no more, or a build was refused or handed over; the exit status. */
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

/** Why a derivation may not be built; undefined: it may. */
async function refusalOf(derivation: string): Promise<string | undefined> {
  const late = setTimeout(() => {
    sayRefused(` ${derivation}: no verdict after ${DEADLINE_MS / 60_000} minutes`)
    process.exit(1)
  }, DEADLINE_MS).unref()
  try {
    if (isKnown(derivation)) return undefined
    const { outcome, sentence } = await (await import('./decide.ts')).decide({
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
    // Judging meets the same obstacle, and says what it is.
    return false
  }
}

/** Takes the build, and fails it. What Nix sends has to be read, or it would build after all. */
function refuse(input: NixInput, sentence: string): number {
  answerNix('accept')
  writeSync(2, 'nixsig\n') // the machine's name
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

// Should nothing be left to wait for although no answer came, Node ends with this: Nix takes silence for a no.
process.exitCode = 1
process.once('beforeExit', () => sayRefused(': no verdict: an answer never came'))
main().then(status => process.exit(status))
