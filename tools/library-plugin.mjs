// An esbuild plugin that leaves a lazily imported module in a separate file beside the bundle:
// parsing it would slow down every start.

import { dirname, resolve } from 'node:path'

/** `module` is an absolute path; `file` is the name by which the bundle requires it. */
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
