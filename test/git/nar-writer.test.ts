import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { it } from 'node:test'
import fc from 'fast-check'
import {
  narClose,
  narDirectoryHead,
  narEntryHead,
  narFileHead,
  narFileTail,
  narStart,
  narSymlink,
} from '../../src/formats/nix/nar-tokens.ts'
import { narWriter } from '../../src/git/nar-writer.ts'

const KIB = 1024
const sizes = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 31 * KIB, max: 33 * KIB }),
  fc.integer({ min: 63 * KIB, max: 130 * KIB }),
)
const nodes = fc.array(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 300, unit: 'binary-ascii' }),
    size: sizes,
    kind: fc.constantFrom('file', 'executable', 'symlink'),
  }),
  { maxLength: 30 },
)

it('writes the pieces of a NAR, whatever their sizes', () => {
  fc.assert(
    fc.property(nodes, entries => {
      const hash = createHash('sha256').update(narStart()).update(narDirectoryHead())
      const nar = narWriter()
      nar.directory()
      for (const { name, size, kind } of entries) {
        const contents = Buffer.alloc(size, name)
        hash.update(narEntryHead(name))
        nar.entry(name)
        if (kind === 'symlink') {
          hash.update(narSymlink(contents.toString('latin1')))
          nar.symlink(contents)
        } else {
          hash
            .update(narFileHead(size, kind === 'executable'))
            .update(contents)
            .update(narFileTail(size))
          nar.file(contents, kind === 'executable')
        }
        contents.fill(0)
        hash.update(narClose())
        nar.close()
      }
      hash.update(narClose())
      nar.close()
      assert.equal(nar.digest(), hash.digest('hex'))
    }),
  )
})
