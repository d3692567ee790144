/** Statistics of measurements. */

/** The value below which this share of the numbers is. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
}

export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5)
}

/** `1.23 (quartiles 1.20 to 1.31)`, with the unit after the median. */
export function spread(numbers: readonly number[], unit = ''): string {
  const at = (share: number) => quantile(numbers, share).toFixed(2)
  return `${at(0.5)}${unit} (quartiles ${at(0.25)} to ${at(0.75)})`
}
