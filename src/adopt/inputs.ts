/** Adopts what an output is built from, before it is built again. */
import { parseStorePath } from '../formats/nix/store-path.ts'
import { realise } from '../packaging/reproduce/rebuild.ts'
import { printable } from '../primitives/printable.ts'
import type { PathInfo } from '../store/store-client.ts'
import { admitInput } from '../verifier/admit.ts'
import type { Input, Output } from '../verifier/derivation-parts.ts'
import { foresee } from '../verifier/foresee.ts'
import { isCopied } from '../verifier/identify.ts'
import { refusalOf } from '../verifier/refusal-of-error.ts'
import { inputsOf, outputsOf } from '../verifier/stored-derivation.ts'
import { alteredIn } from './altered-in.ts'
import { type Cause, causesOf, merged } from './cause.ts'
import type { Outcome, Run } from './run.ts'

/** How others are adopted. */
interface Way {
  adoptPath(run: Run, path: string): Promise<Outcome>
}

/** What keeps the inputs from being adopted, and how many of them are not here. */
export interface InputsFound {
  readonly causes: readonly Cause[]
  /** Paths that a run that changes nothing did not fetch or build. */
  readonly absent: number
}

/**
 * Adopts all inputs of the derivation that makes an output. With `brings`, those that are not in
 * the store are fetched or built first; otherwise they are passed over.
 */
export async function adoptInputs(
  run: Run,
  maker: Output,
  way: Way,
  { brings }: { readonly brings: boolean },
): Promise<InputsFound> {
  const causes: (readonly Cause[])[] = []
  let absent = 0
  try {
    for (const input of inputsOf(maker.derivation)) {
      const store = () => run.ask().store()
      let info = await (await store()).pathInfo(input.path.path)
      if (info === undefined && !brings) continue
      if (info === undefined) {
        const problem = await bringHere(run, input, maker)
        if (problem !== undefined) causes.push(problem)
        else if (run.dry) absent++
        info = problem || run.dry ? undefined : await (await store()).pathInfo(input.path.path)
      }
      if (info !== undefined) causes.push(await adoptInput(run, input, info, way))
    }
  } catch (error) {
    // A derivation that it is built from is gone, or of a kind that cannot be judged.
    const refusal = refusalOf(error, maker.path.path, 'output')
    const [cause] = causesOf(refusal)
    const code = cause.code === 'unsupported' ? cause.code : 'not-built'
    causes.push([{ ...cause, code, path: maker.path.path, kind: 'output' }])
  }
  return { causes: merged(...causes), absent }
}

async function adoptInput(run: Run, input: Input, info: PathInfo, way: Way): Promise<readonly Cause[]> {
  // A derivation may name what was built as its source.
  const isBuilt = input.kind === 'output' || (input.kind === 'local-source' && !isCopied(info))
  if (isBuilt) return leftOver(await way.adoptPath(run, input.path.path))
  const below: (readonly Cause[])[] = []
  for (const reference of info.references)
    if (reference !== info.path) below.push(leftOver(await way.adoptPath(run, reference)))
  const blockers = merged(...below)
  if (blockers.length > 0) return blockers
  const altered = await alteredIn(run, input.path, info)
  if (altered !== undefined) return causesOf(altered)
  // As the derivation names it: what it says of the source's signatures counts here.
  const refusal = await admitInput(run.ask(), input)
  return refusal === undefined ? [] : causesOf(refusal)
}

function leftOver(outcome: Outcome): readonly Cause[] {
  return outcome.kind === 'left' ? outcome.causes : []
}

/**
 * Has Nix fetch or build an input that is not in the store. Returns why not; undefined if it is
 * here now, or if nothing speaks against it and nothing is to be changed.
 */
async function bringHere(run: Run, input: Input, maker: Output): Promise<readonly Cause[] | undefined> {
  const { path } = input.path
  const name = printable(path)
  const made = input.derivation && outputsOf(input.derivation).find(output => output.path.path === path)
  if (made === undefined) return [about(maker, 'source-gone', `its source ${name} is not in this store`)]
  if (made.kind === 'fetched-source') {
    const { verdict } = await foresee(run.ask(), { ...made, ...input })
    if (verdict !== undefined && verdict.outcome !== 'trusted') return causesOf(verdict)
  }
  if (run.dry) return undefined
  run.onWork(`${made.kind === 'output' ? 'building' : 'fetching'} ${name}, which is not here`, undefined)
  await run.keeper.addTempRoot(parseStorePath(path).path)
  const why = await realise([`${made.derivation.path.path}!${made.name}`], run.timeout)
  run.refresh()
  if (why === undefined) return undefined
  const code = made.kind === 'output' ? 'not-built' : 'source-gone'
  return [about(maker, code, `${name}: ${lastLine(why)}`)]
}

/** The exemption that helps is one for what is built from it. */
function about({ path }: Output, code: 'source-gone' | 'not-built', detail: string): Cause {
  return { code, path: path.path, kind: 'output', detail, status: 20 }
}

const LINE_LIMIT = 400

/** The last line with an error, or else the last line, of what Nix said (escaped). */
export function lastLine(reason: string): string {
  const lines = reason
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  const telling = lines.findLast(line => /refused |error:/.test(line)) ?? lines.at(-1) ?? ''
  return telling.slice(0, LINE_LIMIT)
}
