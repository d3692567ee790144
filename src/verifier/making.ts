import type { Refusal } from '../policy/verdict.ts'
import { admitDerivation, admitInput } from './admit.ts'
import { type Input, inputsOf, outputsOf, type StoredDerivation } from './build.ts'
import { foresee } from './foresee.ts'
import type { Inquiry } from './inquiry.ts'

/**
 * Admits what is known of how a path was made elsewhere: its derivation, and the sources of that, be they here or not. What
 * else it was built from was not needed here and is not asked. All refusals, none if there is nothing against it.
 */
export async function admitMaking(inquiry: Inquiry, stored: StoredDerivation): Promise<readonly Refusal[]> {
  const answers = [await admitDerivation(inquiry, stored)]
  for (const input of inputsOf(stored)) {
    if (input.kind !== 'output') answers.push(await admitSource(inquiry, input))
  }
  return answers.filter(answer => answer !== undefined)
}

async function admitSource(inquiry: Inquiry, input: Input): Promise<Refusal | undefined> {
  if ((await (await inquiry.store()).pathInfo(input.path.path)) !== undefined)
    return admitInput(inquiry, input)
  // Nobody vouches for what is there as a signature alone.
  if (input.part !== undefined) return undefined
  const made =
    input.derivation && outputsOf(input.derivation).find(({ path }) => path.path === input.path.path)
  if (made === undefined) return admitInput(inquiry, input)
  if (made.isSignature) return undefined
  const { verdict } = await foresee(inquiry, { ...made, ...input })
  if (verdict === undefined) return unchecked(input, made.derivation.path.path)
  return verdict.outcome === 'trusted' ? undefined : verdict
}

function unchecked({ path, kind }: Input, derivation: string): Refusal {
  const detail = `its developer's signature can be checked once it is here: nix-store --realise ${derivation}`
  const finding = { code: 'unreadable', trouble: { origin: path.path, detail } } as const
  return { outcome: 'indeterminate', path: path.path, kind, ground: { kind: 'making' }, findings: [finding] }
}
