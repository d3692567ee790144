// Builds dist/: the hook bundle under its two names and what it needs seldom, the command line in
// parts (cli/), its manual pages (man/), the page of an audit (page/), sodium-native's prebuilds, and
// the licences of all that is bundled (LICENSES.txt).
//
//   node tools/build.mjs [--out DIR] [--node /absolute/path/to/node] [--programs DIR:DIR…]
//
// --programs names directories in which it finds what it calls, before those of the system.
//
// Where there is a C compiler (cc and make), dist/native/ has the store plugin and the thin hooks as
// well (nix/plugin/). Without one, a dist/ that has them already is left as it is.
//
// dist/ depends on nothing outside itself except a node of version 20.19 or later; copy it
// anywhere.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { bundleCommandLine } from './command-line.mjs'
import { libraryBesideBundle } from './library-plugin.mjs'
import { licencesOf } from './licences.mjs'
import { bundlePage } from './page.mjs'
import { sodiumBesideBundle } from './sodium-plugin.mjs'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'dist') },
    node: { type: 'string' },
    programs: { type: 'string', default: '' },
  },
})
const finished = resolve(values.out)
// Built beside it and put in its place whole, so that nobody runs half of it.
const out = `${finished}.${process.pid}~`

// Hooks run as root inside Nix with whatever environment the caller of a single-user Nix had. `env
// -i` drops all of it but the one variable that Nix passes on purpose, before Node could read
// NODE_OPTIONS and the like.
const PATH = '/run/current-system/sw/bin:/usr/local/bin:/usr/bin:/bin'
const node = values.node ?? 'node'
const hookInterpreter = `#!/usr/bin/env -S -i DRV_PATH=\${DRV_PATH} PATH=${PATH} ${node}`
// The build hook passes on to Nix's own, which needs the environment of the daemon (HOME,
// SSH_AUTH_SOCK, NIX_SSHOPTS …): all of it but what would change this program. The kernel reads 255
// bytes of this line.
const NODE_VARIABLES = ['NODE_OPTIONS', 'NODE_PATH', 'NODE_EXTRA_CA_CERTS', 'NODE_V8_COVERAGE']
const buildHookInterpreter = `#!/usr/bin/env -S -u ${NODE_VARIABLES.join(' -u ')} PATH=${PATH} ${node}`
// No option for V8 here: with any, Node compiles anew what it has in its own cache of built-in
// modules.
const cliInterpreter = `#!${values.node ?? '/usr/bin/env node'}`

/**
 * Modules that are imported lazily lie in files of their own: a program's text costs start-up time,
 * run or not.
 */
const BESIDE = {
  'src/crypto/sigstore/library.ts': 'sigstore.js',
  'hooks/ask-or-judge.ts': 'decide.js',
  'hooks/judge.ts': 'judge.js',
  'hooks/run-after-build.ts': 'after-build.js',
  'hooks/remote-builders.ts': 'remote-builders.js',
}

/** See src/files/programs.ts. */
const PROGRAMS = { 'process.env.NIXSIG_PROGRAMS': JSON.stringify(values.programs) }

/** What both hooks are. */
const HOOK = 'hooks/hook.ts'

/**
 * One CommonJS bundle: built-in imports stay where the code reaches them, which keeps a hook's
 * start-up short.
 */
function bundle(entry, file, { interpreter } = {}) {
  return build({
    entryPoints: [join(root, entry)],
    outfile: join(out, file),
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    minify: entry === HOOK,
    minifySyntax: true,
    legalComments: 'none',
    sourcemap: 'external',
    metafile: true,
    logLevel: 'warning',
    banner: interpreter === undefined ? {} : { js: interpreter },
    plugins: [
      sodiumBesideBundle({ passphrases: entry.startsWith('tools/'), forHook: entry === HOOK }),
      ...Object.entries(BESIDE).map(([module, file]) => libraryBesideBundle(join(root, module), `./${file}`)),
    ],
    // `import()` becomes `require`: the loader of ECMAScript modules need not start for it.
    supported: { 'dynamic-import': false },
    define: { 'process.env.NODE_ENV': '"production"', ...PROGRAMS },
  })
}

/** A hook. What it imports lazily must all lie beside it. */
async function bundleHook(entry, file, interpreter) {
  const { metafile } = await bundle(entry, file, { interpreter })
  for (const [module, { imports }] of Object.entries(metafile.inputs)) {
    const inside = imports.find(({ kind, external }) => kind === 'dynamic-import' && !external)
    if (inside !== undefined)
      throw new Error(`${module}: ${inside.path} would lie in the hooks, unused mostly`)
  }
  chmodSync(join(out, file), 0o755)
}

/**
 * The parts in C, unless this machine has nothing to compile them with: then hooks and gate work
 * without them.
 */
function buildNative() {
  const hasCompiler = spawnSync('cc', ['--version'], { stdio: 'ignore' }).status === 0
  if (!hasCompiler) return doWithoutNative()
  const made = spawnSync('make', ['-s', '-C', join(root, 'nix/plugin'), `OUT=${join(out, 'native')}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (made.status !== 0) throw new Error('make -C nix/plugin failed')
}

/** Nobody loses a plugin without a word: a build that would drop one is refused. */
function doWithoutNative() {
  const how = 'install one (on Debian: apt-get install gcc libc6-dev make) and build again'
  if (existsSync(join(finished, 'native/nixsig-plugin.so'))) {
    rmSync(out, { recursive: true, force: true })
    console.error(
      `no C compiler (cc): ${finished} has the store plugin, and would lose it; nothing was changed: ${how}, or build elsewhere (--out DIR)`,
    )
    process.exit(1)
  }
  console.error(
    `WARNING: no C compiler (cc): built WITHOUT the store plugin and the thin hooks, so what is copied into a store is not judged on its way in: ${how}`,
  )
}

/** Writes dist/man/, by a program that loads all commands and is not kept. */
async function writeManualPages() {
  const program = join(out, 'manual-pages.js')
  await bundle('tools/manual-pages.ts', 'manual-pages.js')
  const made = spawnSync(process.execPath, [program, join(out, 'man')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (made.status !== 0) throw new Error('no manual pages')
  for (const file of [program, `${program}.map`]) rmSync(file)
}

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
// Files without an extension are CommonJS here whatever a package.json further up says.
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
writeFileSync(join(out, 'package.json'), `{ "type": "commonjs", "version": "${version}" }\n`)
const sodium = dirname(createRequire(import.meta.url).resolve('sodium-native/package.json'))
for (const platform of ['linux-x64', 'linux-arm64']) {
  cpSync(join(sodium, 'prebuilds', platform), join(out, 'prebuilds', platform), { recursive: true })
}
buildNative()
// The two hooks are one program, told apart by its name.
await bundleHook(HOOK, 'pre-build-hook', hookInterpreter)
copyFileSync(join(out, 'pre-build-hook'), join(out, 'post-build-hook'))
await bundleHook('hooks/build-hook.ts', 'build-hook', buildHookInterpreter)
for (const [module, file] of Object.entries(BESIDE)) await bundle(module, file)
await bundleCommandLine(root, join(out, 'cli'), PROGRAMS)
writeFileSync(join(out, 'nixsig'), `${cliInterpreter}\nrequire('./cli/main.js')\n`, { mode: 0o755 })
await bundlePage(root, join(out, 'page'))
await writeManualPages()
const programs = ['src/cli/main.ts', 'src/page/main.ts', HOOK, 'hooks/build-hook.ts', ...Object.keys(BESIDE)]
writeFileSync(join(out, 'LICENSES.txt'), await licencesOf(root, programs))

rmSync(finished, { recursive: true, force: true })
renameSync(out, finished)
