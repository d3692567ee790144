/** Decisions of commands that root calls, in the decision log. */
import { FileError } from '../files/regular-file.ts'
import type { Policy } from '../policy/policy.ts'
import type { Refusal } from '../policy/verdict.ts'
import { sentence } from '../policy/wording.ts'
import { type Asked, letIn, notWritten, record } from './decided.ts'
import type { Inquiry } from './inquiry.ts'
import type { LetIn } from './let-in.ts'
import type { Places } from './places.ts'

/** Is told in words what could not be written and need not be. */
export type Warn = (notice: string) => void

/** An inquiry that writes what it admits into the decision log, as the decision of a command. */
export function asCommand(inquiry: Inquiry, warn: Warn): Inquiry {
  return { ...inquiry, writesDecision: async admitted => letIn(await askedBy(inquiry), admitted, warn) }
}

/** Writes what a command refused. What cannot be written is told. */
export async function refusedByCommand(
  inquiry: Inquiry,
  refusals: readonly Refusal[],
  warn: Warn,
): Promise<void> {
  tell(await record(await askedBy(inquiry), { refusals }), warn)
}

/** Writes what a command lets in. Throws FileError if that cannot be written and has to be. */
export async function admitByCommand(
  { places, policy }: { readonly places: Places; readonly policy: Policy },
  admitted: readonly [LetIn, ...LetIn[]],
  warn: Warn,
): Promise<void> {
  const unwritten = await letIn({ places, door: 'command', asker: 'root', policy }, admitted, warn)
  if (unwritten !== undefined) throw new FileError(sentence(unwritten))
}

/** Writes that a command takes refused paths out of the store. What cannot be written is told. */
export async function takenOutByCommand(
  { places, policy }: { readonly places: Places; readonly policy: Policy | undefined },
  refusals: readonly Refusal[],
  warn: Warn,
): Promise<void> {
  const asked: Asked = { places, door: 'command', asker: 'root', policy }
  // One by one: of several refusals of one question only the first have a line.
  for (const refusal of refusals) tell(await record(asked, { refusals: [refusal] }), warn)
}

function tell(problem: string | undefined, warn: Warn): void {
  if (problem !== undefined) warn(notWritten(problem))
}

async function askedBy({ places, policy }: Inquiry): Promise<Asked> {
  return { places, door: 'command', asker: 'root', policy: await policy().catch(() => undefined) }
}
