/**
 * The name of a private file beside a file, under which its new contents are written. No two are the
 * same: process ids are reused, and containers that share a directory have the same ones.
 */
export function partialName(file: string, mark: '' | '+' = ''): string {
  const random = Math.random().toString(36).slice(2)
  return `${file}.${process.pid}.${random}${mark}~`
}
