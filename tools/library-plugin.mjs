// An esbuild plugin that leaves a module which is imported lazily in a file of its own beside the bundle: its text would
// cost every start-up time.

import { dirname, resolve } from 'node:path'

/** `module` is an absolute path, `file` how the bundle requires it. */
export function libraryBesideBundle(module, file) {
  return {
    name: `library-beside-bundle ${file}`,
    setup(build) {
      build.onResolve({ filter: /^\.\.?\// }, args => {
        const isIt = args.kind === 'dynamic-import' && resolve(dirname(args.importer), args.path) === module
        return isIt ? { path: file, external: true } : undefined
      })
    },
  }
}
