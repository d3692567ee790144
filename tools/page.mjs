// Bundles what the page of an audit runs in a browser: page.js and page.css, each minified and in
// ASCII, which src/report/html.ts puts into every page.

import { join } from 'node:path'
import { build } from 'esbuild'

/** Writes both files into `directory`. */
export async function bundlePage(root, directory) {
  await build({
    entryPoints: { page: join(root, 'src/page/main.ts'), style: join(root, 'src/page/style/page.css') },
    entryNames: 'page',
    outdir: directory,
    bundle: true,
    minify: true,
    format: 'iife',
    charset: 'ascii',
    legalComments: 'none',
    // The first that can unpack gzip.
    target: ['chrome109', 'firefox115', 'safari16.4'],
    logLevel: 'warning',
  })
}
