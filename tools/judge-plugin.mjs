// An esbuild plugin for the hooks: what they import lazily is in dist/judge.js, which holds everything that a hook needs
// only when the ledger does not have every answer.

import { dirname, resolve } from 'node:path'

/** `lazy` collects the absolute paths of the modules that were sent there. */
export function lazyImportsFromJudge(lazy) {
  return {
    name: 'lazy-imports-from-judge',
    setup(build) {
      build.onResolve({ filter: /^\.\.?\// }, args => {
        if (args.kind !== 'dynamic-import') return undefined
        const module = resolve(dirname(args.importer), args.path)
        lazy.add(module)
        return { path: './judge.js', external: true }
      })
    },
  }
}
