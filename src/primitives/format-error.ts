/** Something from outside that does not have the form it must have. Never a verdict: it says what could not be read. */
export class FormatError extends Error {
  override readonly name = 'FormatError'
  /** Which format was being read: `derivation`, `narinfo`, `policy` … */
  readonly format: string
  /** Where in it: `offset 17`, `line 3`, `signatures[0].sig`. */
  readonly where: string

  /** The message reads `<format>: <problem> (<where>)`; what it quotes from the input must be escaped by the caller. */
  constructor(format: string, problem: string, where: string, options?: ErrorOptions) {
    super(`${format}: ${problem} (${where})`, options)
    this.format = format
    this.where = where
  }
}
