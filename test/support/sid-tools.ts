import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tool } from '../../src/crypto/openpgp/tools.ts'
import { debianRoot } from '../../tools/debian-roots.mjs'

/**
 * A program of Debian sid, run on this system from the root of the end-to-end tests: the path of a
 * wrapper script in `dir`.
 */
export function sidProgram(name: string, dir: string): string {
  const libraries = join(debianRoot('sid'), 'usr/lib')
  const triplet = readdirSync(libraries).find(entry => entry.endsWith('-linux-gnu')) ?? ''
  const library = join(libraries, triplet)
  const loader = readdirSync(library).find(entry => entry.startsWith('ld-linux')) ?? ''
  const program = join(dir, `sid-${name}`)
  const run = [join(library, loader), '--library-path', library, join(debianRoot('sid'), 'usr/bin', name)]
  writeFileSync(program, `#!/bin/sh\nexec ${run.join(' ')} "$@"\n`, { mode: 0o755 })
  return program
}

/** A tool of Debian sid that verifies OpenPGP signatures. */
export function sidTool(name: Tool['name'], dir: string): Tool {
  return { name, program: sidProgram(name, dir) }
}
