import type { Refusal } from '../policy/verdict.ts'
import { admitInput } from './admit.ts'
import type { Input, StoredDerivation } from './derivation-parts.ts'
import { foresee } from './foresee.ts'
import type { Inquiry } from './inquiry.ts'
import { inputsOf, outputsOf } from './stored-derivation.ts'

/**
 * Admits the sources of a derivation that was built elsewhere, whether or not they are in this
 * store. Its other inputs were not needed here and are not checked. Returns all refusals; an empty
 * list means that nothing speaks against it.
 */
export async function admitSources(inquiry: Inquiry, stored: StoredDerivation): Promise<readonly Refusal[]> {
  const answers: (Refusal | undefined)[] = []
  for (const input of inputsOf(stored)) {
    if (input.kind !== 'output') answers.push(await admitSource(inquiry, input))
  }
  return answers.filter(answer => answer !== undefined)
}

async function admitSource(inquiry: Inquiry, input: Input): Promise<Refusal | undefined> {
  if ((await (await inquiry.store()).pathInfo(input.path.path)) !== undefined)
    return admitInput(inquiry, input)
  const made =
    input.derivation && outputsOf(input.derivation).find(({ path }) => path.path === input.path.path)
  if (made === undefined) return admitAbsent(inquiry, input)
  const { verdict } = await foresee(inquiry, { ...made, ...input })
  if (verdict?.outcome === 'trusted') return undefined
  // Only its contents show whether it really is the signature file that it is named as.
  const isNamed = input.part !== undefined || made.isSignature === true
  if (verdict === undefined || isNamed) return unchecked(input, made.derivation.path.path, isNamed)
  return verdict
}

/** Admits a source that evaluation copied in on another machine. */
async function admitAbsent(inquiry: Inquiry, input: Input): Promise<Refusal | undefined> {
  const refusal = await admitInput(inquiry, input)
  if (refusal === undefined || input.part === undefined) return refusal
  return undecided(input, 'whether it is the signature that it is called shows once it is here')
}

function unchecked(input: Input, derivation: string, isNamed: boolean): Refusal {
  const what = isNamed
    ? 'whether it is the signature that it is called shows'
    : "its developer's signature can be checked"
  return undecided(input, `${what} once it is here: nix-store --realise ${derivation}`)
}

function undecided({ path, kind }: Input, detail: string): Refusal {
  const finding = { code: 'unreadable', trouble: { origin: path.path, detail } } as const
  return {
    outcome: 'indeterminate',
    path: path.path,
    kind,
    ground: { kind: 'making' },
    findings: [finding],
  }
}
