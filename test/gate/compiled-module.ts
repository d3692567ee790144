import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/**
 * Compiles a module of the checkout for a process that a test starts. Returns its URL, which is
 * valid until the tests are over.
 */
export async function compiledModule(source: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-module-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  const outfile = join(directory, 'module.mjs')
  const entryPoints = [join(PROJECT_ROOT, source)]
  await build({ entryPoints, outfile, bundle: true, platform: 'node', target: 'node20.19', format: 'esm' })
  return pathToFileURL(outfile).href
}
