/** Input from outside is malformed. This is never a verdict: it says what could not be read. */
export class FormatError extends Error {
  override readonly name = 'FormatError'
  /** The format that was being read: `derivation`, `narinfo`, `policy` … */
  readonly format: string
  /** The place in it: `offset 17`, `line 3`, `signatures[0].sig`. */
  readonly where: string

  /**
   * The message reads `<format>: <problem> (<where>)`. The caller escapes what it quotes from the
   * input.
   */
  constructor(format: string, problem: string, where: string, options?: ErrorOptions) {
    super(`${format}: ${problem} (${where})`, options)
    this.format = format
    this.where = where
  }
}
