/** A program that passes file descriptors out of builds: see descriptor.c. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The compiled program; linked statically, because sandboxes have no libraries. */
export function descriptorProgram(): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-descriptor-'))
  try {
    const program = join(directory, 'descriptor')
    const source = join(PROJECT_ROOT, 'test/support/descriptor.c')
    const made = spawnSync('cc', ['-static', '-O1', '-o', program, source], { encoding: 'utf8' })
    if (made.status !== 0) throw new Error(`cc: ${made.stderr ?? made.error}`)
    return readFileSync(program)
  } finally {
    rmSync(directory, { recursive: true })
  }
}
