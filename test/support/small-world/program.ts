/**
 * Tests properties of small worlds, in a mount namespace with its own /nix. For each line of
 * standard input, the name of a property and bytes in base 64, it prints the outcome as a line of
 * JSON.
 */
import { createInterface } from 'node:readline'
import { foreseenIsTrusted } from './foreseen.ts'
import { judgeWorld } from './fronts.ts'
import { makeWorld } from './make.ts'
import {
  labelsEarnNothing,
  nothingIsMixedUp,
  type Property,
  surroundingsChangeNothing,
} from './properties.ts'
import { nixAgrees } from './real-store.ts'
import type { PropertyName, WorldQuestion } from './small-worlds.ts'
import { crowdAround } from './surroundings.ts'

const PROPERTIES: Readonly<Record<PropertyName, Property>> = {
  labels: labelsEarnNothing,
  surroundings: surroundingsChangeNothing,
  inquiry: nothingIsMixedUp,
  foreseen: foreseenIsTrusted,
  nix: nixAgrees,
}

async function answer(name: string, bytes: Uint8Array): Promise<unknown> {
  if (name !== 'plan') return PROPERTIES[name as PropertyName](bytes)
  const { plan, crowd }: WorldQuestion = JSON.parse(Buffer.from(bytes).toString('utf8'))
  const world = makeWorld(plan, (draft, made) => {
    if (crowd !== undefined) crowdAround(plan, crowd).act(draft, made)
  })
  return [...(await judgeWorld(world))].map(([question, { words }]) => [question, words])
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name = '', base64 = ''] = line.split(' ')
  process.stdout.write(`${JSON.stringify(await answer(name, Buffer.from(base64, 'base64')))}\n`)
}
