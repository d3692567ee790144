/**
 * Finds archives whose mark may stand anywhere in a file, not only at its beginning. A compressed
 * file can be such an archive as well, if its maker used the freedom that its format leaves: unused
 * tables, empty blocks, raw data.
 */
import { FormatError } from '../../primitives/format-error.ts'
import type { Reader } from './reader.ts'

interface Mark {
  readonly archive: string
  readonly bytes: Buffer
  /**
   * Where readers look for it: the first and the last offset of its first byte. Negative offsets
   * count from the end.
   */
  readonly from: number
  readonly to: number
}

const MIB = 1024 * 1024
const SECTOR = 2048

const MARKS: readonly Mark[] = [
  // The end of the central directory (APPNOTE, section 4.3.16). Readers look for it in the last
  // 66,000 bytes or fewer.
  { archive: 'ZIP', bytes: Buffer.from('PK\u0005\u0006'), from: -128 * 1024, to: -4 },
  // After a self-extracting program: in the first MiB or two.
  { archive: 'RAR', bytes: Buffer.from('Rar!\u001a\u0007'), from: 0, to: 4 * MIB },
  { archive: '7z', bytes: Buffer.from('377abcaf271c', 'hex'), from: 0, to: 4 * MIB },
  { archive: 'ACE', bytes: Buffer.from('**ACE**'), from: 0, to: 4 * MIB },
  // ECMA-119, section 8.1, and ECMA-167, part 2, section 9: volume descriptors, one per sector from
  // the 16th on.
  { archive: 'ISO 9660', bytes: Buffer.from('CD001'), from: 16 * SECTOR + 1, to: 16 * SECTOR + 1 },
  { archive: 'UDF', bytes: Buffer.from('BEA01'), from: 16 * SECTOR + 1, to: 32 * SECTOR + 1 },
  { archive: 'a disk image', bytes: Buffer.from('koly'), from: -512, to: -512 },
]

/**
 * Checks that no reader that looks beyond the beginning takes a file for an archive of another
 * kind. Throws FormatError.
 */
export async function refuseOtherArchives(reader: Reader): Promise<void> {
  const place = (at: number) => Math.max(0, at < 0 ? reader.size + at : at)
  for (const { archive, bytes, from, to } of MARKS) {
    const start = place(from)
    const piece = await reader.at(start, Math.max(0, place(to) - start) + bytes.length)
    const found = piece.indexOf(bytes)
    if (found < 0) continue
    throw new FormatError(
      'compressed file',
      `it may be read as an archive: ${archive}`,
      `offset ${start + found}`,
    )
  }
}
