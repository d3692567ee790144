// Builds dist/: the hook bundle under its two names, the command line, and sodium-native's prebuilds beside them.
//
//   node tools/build.mjs [--out DIR] [--node /absolute/path/to/node]
//
// dist/ depends on nothing outside itself except a node of version 20.19 or later; copy it anywhere.

import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { sodiumBesideBundle } from './sodium-plugin.mjs'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const { values } = parseArgs({
  options: { out: { type: 'string', default: join(root, 'dist') }, node: { type: 'string' } },
})
const out = resolve(values.out)

// Hooks run as root inside Nix with whatever environment the caller of a single-user Nix had. `env -i` drops all of it
// but the one variable that Nix passes on purpose, before Node could read NODE_OPTIONS and the like.
const PATH = '/run/current-system/sw/bin:/usr/local/bin:/usr/bin:/bin'
const node = values.node ?? 'node'
const hookInterpreter = `#!/usr/bin/env -S -i DRV_PATH=\${DRV_PATH} PATH=${PATH} ${node}`
const cliInterpreter = values.node ? `#!${values.node}` : '#!/usr/bin/env node'

/** One CommonJS bundle: built-in imports stay where the code reaches them, which keeps a hook's start-up short. */
async function bundle(entry, outfile, interpreter) {
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    minifySyntax: true,
    legalComments: 'none',
    sourcemap: 'external',
    logLevel: 'warning',
    banner: { js: interpreter },
    plugins: [sodiumBesideBundle()],
    define: { 'import.meta.url': '__bundle_url', 'process.env.NODE_ENV': '"production"' },
    inject: [join(root, 'tools/bundle-url.js')],
  })
  chmodSync(outfile, 0o755)
}

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
// Files without an extension are CommonJS here whatever a package.json further up says.
writeFileSync(join(out, 'package.json'), '{ "type": "commonjs" }\n')
const sodium = dirname(createRequire(import.meta.url).resolve('sodium-native/package.json'))
for (const platform of ['linux-x64', 'linux-arm64']) {
  cpSync(join(sodium, 'prebuilds', platform), join(out, 'prebuilds', platform), { recursive: true })
}
await bundle('hooks/hook.ts', join(out, 'pre-build-hook'), hookInterpreter)
copyFileSync(join(out, 'pre-build-hook'), join(out, 'post-build-hook'))
await bundle('src/cli/main.ts', join(out, 'nixsig'), cliInterpreter)
