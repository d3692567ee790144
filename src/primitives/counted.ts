/** A number with its noun in English: `1 commit`, `2 commits`, `3 addresses`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}
