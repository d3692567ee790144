/** Calls of the file system that this process makes, and faults in them. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/** The calls that change something, or make a change last. */
const CALLS = [
  'mkdirSync',
  'chmodSync',
  'openSync',
  'writeSync',
  'fsyncSync',
  'renameSync',
  'unlinkSync',
] as const

export interface Call {
  readonly name: (typeof CALLS)[number]
  /** The file; of a descriptor the file that it was opened for. */
  readonly file: string
  readonly to?: string
}

/** Stands for the end of the process. */
export class Killed extends Error {}

/**
 * Runs something and returns its calls. `before` runs before each, with its number from 0; once it
 * throws Killed, every further call does, as nothing happens any more in a process that was killed.
 */
export function withCalls(
  run: () => void,
  before: (call: Call, number: number) => void = () => {},
): readonly Call[] {
  const calls: Call[] = []
  const files = new Map<number, string>()
  const originals = CALLS.map(name => [name, fs[name]] as const)
  let killed: Killed | undefined
  for (const [name, original] of originals) {
    const call = original as (...args: unknown[]) => unknown
    Object.assign(fs, {
      [name]: (...args: unknown[]) => {
        const [first, second] = args
        const isReading = name === 'openSync' && ((second as number) & fs.constants.O_CREAT) === 0
        const file = typeof first === 'number' ? (files.get(first) ?? '') : String(first)
        if (!isReading) {
          if (killed !== undefined) throw killed
          const made: Call = { name, file, ...(name === 'renameSync' && { to: String(second) }) }
          try {
            before(made, calls.length)
          } catch (error) {
            if (error instanceof Killed) killed = error
            throw error
          }
          calls.push(made)
        }
        const result = call(...args)
        if (name === 'openSync') files.set(result as number, file)
        return result
      },
    })
  }
  syncBuiltinESMExports()
  try {
    run()
  } finally {
    for (const [name, original] of originals) Object.assign(fs, { [name]: original })
    syncBuiltinESMExports()
  }
  return calls
}
