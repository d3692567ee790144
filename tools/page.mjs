// Bundles what the page of an audit runs in a browser: page.js and page.css, each minified and in
// ASCII, which src/report/html.ts puts into every page.

import { readFile } from 'node:fs/promises'
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
    plugins: [darkWherePreferred],
  })
}

const DARK = /^:root\[data-look="dark"\] (\{[^}]*\})$/m

/** What stands for a dark look that was chosen stands for one that is preferred, if none was chosen. */
const darkWherePreferred = {
  name: 'dark-where-preferred',
  setup({ onLoad }) {
    onLoad({ filter: /\/colours\.css$/ }, async ({ path }) => {
      const contents = await readFile(path, 'utf8')
      const [, dark] = DARK.exec(contents) ?? []
      if (dark === undefined) throw new Error(`${path} has no dark look`)
      const preferred = `@media (prefers-color-scheme: dark) { :root:not([data-look="light"]) ${dark} }`
      return { contents: `${contents}${preferred}\n`, loader: 'css' }
    })
  },
}
