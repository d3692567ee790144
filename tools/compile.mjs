// Compiles TypeScript programs of the checkout for this machine's node; packages are not bundled.

import { join, resolve } from 'node:path'
import { build } from 'esbuild'

export const root = resolve(import.meta.dirname, '..')

/**
 * Compiles files, named relative to the checkout, to .mjs files in `outdir`, at the same places as
 * below `base`.
 */
export function compile(files, outdir, base) {
  return build({
    entryPoints: files.map(file => join(root, file)),
    outdir,
    outbase: join(root, base),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    sourcemap: 'inline',
    logLevel: 'warning',
    define: { PROJECT_ROOT: JSON.stringify(root) },
  })
}
