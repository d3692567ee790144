/**
 * What became of the things in a file that was imported. Nothing is believed for having been
 * imported.
 */
export interface Imported {
  /** Store paths about which something new is kept now. */
  readonly added: readonly string[]
  /** How many things were kept already. */
  readonly known: number
  /** What was left out, and why; fit for a terminal. */
  readonly skipped: readonly string[]
}

export const NOTHING: Imported = { added: [], known: 0, skipped: [] }

/** What several imports come to. */
export function total(parts: readonly Imported[]): Imported {
  return {
    added: parts.flatMap(({ added }) => added),
    known: parts.reduce((sum, { known }) => sum + known, 0),
    skipped: parts.flatMap(({ skipped }) => skipped),
  }
}
