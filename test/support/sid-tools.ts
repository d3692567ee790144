import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tool } from '../../src/crypto/openpgp/tools.ts'
import { debianRoot } from '../../tools/debian-roots.mjs'

/**
 * A tool of Debian sid, run on this system from the root of the end-to-end tests; its wrapper
 * script is in `dir`.
 */
export function sidTool(name: Tool['name'], dir: string): Tool {
  const libraries = join(debianRoot('sid'), 'usr/lib')
  const triplet = readdirSync(libraries).find(entry => entry.endsWith('-linux-gnu')) ?? ''
  const library = join(libraries, triplet)
  const loader = readdirSync(library).find(entry => entry.startsWith('ld-linux')) ?? ''
  const program = join(dir, `sid-${name}`)
  const run = [join(library, loader), '--library-path', library, join(debianRoot('sid'), 'usr/bin', name)]
  writeFileSync(program, `#!/bin/sh\nexec ${run.join(' ')} "$@"\n`, { mode: 0o755 })
  return { name, program }
}
