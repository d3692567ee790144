import { readSync } from 'node:fs'
import type { Reader } from '../src/store/wire.ts'

/** Reads what Nix writes to a program's standard input, on demand, with blocking calls. */
export interface NixInput {
  /**
   * Runs a reader on the next bytes; returns its value and these bytes. Throws what the reader
   * throws, and EndOfInput.
   */
  take<T>(reader: Reader<T>): { readonly value: T; readonly bytes: Uint8Array }
}

/** Nix closed its end. `inTheMiddle`: within the value that was being read. */
export class EndOfInput extends Error {
  override readonly name = 'EndOfInput'
  readonly inTheMiddle: boolean

  constructor(inTheMiddle: boolean) {
    super(inTheMiddle ? 'Nix broke off' : 'Nix has no more to ask')
    this.inTheMiddle = inTheMiddle
  }
}

/** Opens a file descriptor as input: 0 is standard input. */
export function openNixInput(file: number): NixInput {
  function read(count: number, isFirst: boolean): Uint8Array {
    const bytes = Buffer.alloc(count)
    for (let filled = 0; filled < count; ) {
      const got = readSync(file, bytes, filled, count - filled, null)
      if (got === 0) throw new EndOfInput(!isFirst || filled > 0)
      filled += got
    }
    return bytes
  }

  return {
    take(reader) {
      const taken: Uint8Array[] = []
      let step = reader.next(new Uint8Array())
      while (step.done !== true) {
        const bytes = read(step.value, taken.length === 0)
        taken.push(bytes)
        step = reader.next(bytes)
      }
      return { value: step.value, bytes: Buffer.concat(taken) }
    },
  }
}
