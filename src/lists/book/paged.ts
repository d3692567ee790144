import type { HeldFile } from '../../files/held-file.ts'
import type { Source } from './table.ts'

const PAGE = 16 * 1024
/** Pages that are kept: 4 MiB. */
const KEPT = 256

/**
 * Reads a file in pages and keeps those that it read: whoever looks up many people of one list
 * reads most of the same places again. Whether the file is still the same is for the caller to ask.
 */
export function paged(file: HeldFile): Source {
  const pages = new Map<number, Buffer>()
  const pageAt = (start: number): Buffer => {
    const known = pages.get(start)
    if (known !== undefined) return known
    if (pages.size >= KEPT) pages.clear()
    const page = file.read(start, Math.min(PAGE, file.size - start))
    pages.set(start, page)
    return page
  }
  return {
    size: file.size,
    read(offset, length) {
      const start = offset - (offset % PAGE)
      if (offset + length > start + PAGE || start >= file.size) return file.read(offset, length)
      const page = pageAt(start)
      if (offset + length > file.size) throw new RangeError('beyond the end of a file')
      return page.subarray(offset - start, offset - start + length)
    },
  }
}
