// Builds dist/, compiles one TypeScript program of the checkout and runs it.

import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '..')

/** Compiles and runs a program; its exit status. */
export async function runCompiled(file, args = []) {
  const built = spawnSync(process.execPath, [join(root, 'tools/build.mjs')], { cwd: root, stdio: 'inherit' })
  if (built.status !== 0) return built.status ?? 1
  const outfile = join(root, '.build', file.replace(/\.ts$/, '.mjs'))
  await build({
    entryPoints: [join(root, file)],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    sourcemap: 'inline',
    logLevel: 'warning',
    define: { PROJECT_ROOT: JSON.stringify(root) },
  })
  const run = spawnSync(process.execPath, ['--enable-source-maps', outfile, ...args], {
    cwd: root,
    stdio: 'inherit',
  })
  return run.status ?? 1
}
