// Builds dist/, compiles one TypeScript program of the checkout and runs it.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { compile, root } from './compile.mjs'

/**
 * Compiles and runs a program; returns its exit status. `build: false` skips building dist/, for
 * programs that do not need it.
 */
export async function runCompiled(file, args = [], { build = true } = {}) {
  if (build) {
    const built = spawnSync(process.execPath, [join(root, 'tools/build.mjs')], {
      cwd: root,
      stdio: 'inherit',
    })
    if (built.status !== 0) return built.status ?? 1
  }
  const outdir = join(root, '.build')
  await compile([file], outdir, '.')
  const outfile = join(outdir, file.replace(/\.ts$/, '.mjs'))
  const run = spawnSync(process.execPath, ['--enable-source-maps', outfile, ...args], {
    cwd: root,
    stdio: 'inherit',
  })
  return run.status ?? 1
}
