// Bundles the command line so that a call loads little: a program's text costs start-up time, run
// or not.
//
// Layers come first, each a file in which everything that one module imports is one scope: what
// every call needs (main.js), what reads a policy (policy.js), what judges a path (verify.js). A
// layer leaves out what those before it have, and takes it from them: every module is there once,
// so that its classes are the same for all. What is imported lazily, all other commands among it,
// is split by esbuild into files for each and for what several of them share.
//
// esbuild splits ECMAScript modules alone. Node starts sooner without its loader for these, so each
// of those files is turned into a CommonJS module afterwards.

import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { build, transform } from 'esbuild'
import { sodiumBesideBundle } from './sodium-plugin.mjs'

/**
 * The first is the program; a command's layer is loaded by calls to this command alone, and by
 * those of later ones.
 */
const LAYERS = {
  main: 'src/cli/main.ts',
  policy: 'src/cli/commands/policy.ts',
  verify: 'src/cli/commands/verify.ts',
}

const COMMON = {
  platform: 'node',
  target: 'node20.19',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
  // Packages ask for their place to load what stands beside them: it is the bundle's.
  define: { 'process.env.NODE_ENV': '"production"', 'import.meta.url': '__filename' },
  supported: { 'dynamic-import': false },
}

/**
 * Built-in modules that take Node a while to load: each is loaded where something of it is used
 * first.
 */
const LAZY_BUILTINS = [
  'node:child_process',
  'node:crypto',
  'node:fs/promises',
  'node:net',
  'node:os',
  'node:timers/promises',
]

const SODIUM = sodiumBesideBundle({ passphrases: true, prebuilds: '../prebuilds' })

/**
 * Writes dist/cli/, in which `main.js` is the one to start. `define`: constants that the bundler
 * puts in.
 */
export async function bundleCommandLine(root, directory, define) {
  mkdirSync(directory, { recursive: true })
  const parts = { root, directory, define, placed: new Map(), lazy: new Set() }
  for (const [name, entry] of Object.entries(LAYERS)) {
    const modules = await closureOf(join(root, entry), parts)
    const own = new Map(modules.map((module, index) => [module, { file: `./${name}.js`, key: `m${index}` }]))
    await writeLayer(`${name}.js`, own, parts)
    for (const [module, place] of own) parts.placed.set(module, place)
  }
  await writeSplit(parts)
  for (const module of parts.lazy) {
    const place = parts.placed.get(module)
    if (place === undefined) continue
    writeFileSync(
      join(directory, lazyFile(module, parts)),
      `module.exports=require("${place.file}").${place.key}\n`,
    )
  }
}

/** The file for a module that is imported lazily. */
function lazyFile(module, { root }) {
  return `${relative(join(root, 'src'), module).replace(/\.ts$/, '').replaceAll('/', '.')}.js`
}

/**
 * The modules of src/ that a module imports when it starts, itself among them, and that no layer
 * has yet.
 */
async function closureOf(entry, { root, placed }) {
  const isElsewhere = ({ kind, module }) => kind === 'dynamic-import' || placed.has(module)
  const { metafile } = await build({
    ...COMMON,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: 'cjs',
    absWorkingDir: root,
    plugins: [
      SODIUM,
      parserOfYargs(),
      relativeImports(request => (isElsewhere(request) ? { external: true } : undefined)),
    ],
  })
  const inputs = Object.keys(metafile.inputs).map(input => resolve(root, input))
  return inputs.filter(module => module.startsWith(join(root, 'src/'))).sort()
}

/** Writes one layer, which exports each of its modules for those to come. */
async function writeLayer(file, own, parts) {
  const contents = [...own].map(
    ([module, { key }]) => `export * as ${key} from ${JSON.stringify(`./${relative(parts.root, module)}`)}`,
  )
  await build({
    ...COMMON,
    define: { ...COMMON.define, ...parts.define },
    stdin: { contents: contents.join('\n'), resolveDir: parts.root, loader: 'js' },
    outfile: join(parts.directory, file),
    bundle: true,
    format: 'cjs',
    sourcemap: 'external',
    plugins: [
      SODIUM,
      parserOfYargs(),
      lazyBuiltins(),
      relativeImports(elsewhere(parts, module => !own.has(module))),
      fromLayers(parts),
    ],
  })
}

/** Writes what the layers import lazily. */
async function writeSplit(parts) {
  // They were met in an order that is another each time.
  const entries = [...parts.lazy].filter(module => !parts.placed.has(module)).sort()
  const { outputFiles } = await build({
    ...COMMON,
    define: { ...COMMON.define, ...parts.define },
    supported: {},
    entryPoints: entries.map(module => ({ in: module, out: lazyFile(module, parts).replace(/\.js$/, '') })),
    outdir: parts.directory,
    bundle: true,
    splitting: true,
    format: 'esm',
    write: false,
    sourcemap: 'inline',
    plugins: [
      SODIUM,
      parserOfYargs(),
      lazyBuiltins(),
      relativeImports(
        inLayer(
          parts,
          elsewhere(parts, module => parts.placed.has(module)),
        ),
      ),
    ],
  })
  for (const { path, text } of outputFiles) {
    const { code, map } = await transform(text, { ...COMMON, format: 'cjs', sourcemap: 'external' })
    // As long as before, so that the source map still fits.
    writeFileSync(path, code.replace(/(require\("\.\/\w+\.js)#(\w+)"\)/g, '$1").$2'))
    writeFileSync(`${path}.map`, map)
  }
}

/**
 * Decides where an import leads that is not to be bundled: to a layer or, where it is lazy and
 * `isApart`, to a file of its own.
 */
function elsewhere(parts, isApart) {
  return ({ kind, module }) => {
    if (kind === 'dynamic-import') {
      if (!isApart(module)) return undefined
      parts.lazy.add(module)
      return { external: true, path: `./${lazyFile(module, parts)}` }
    }
    // A path within the project: an absolute one would make the output depend on where that lies.
    return parts.placed.has(module) ? { namespace: 'layer', path: relative(parts.root, module) } : undefined
  }
}

/**
 * The same for what is split: what a layer has is named there, `./verify.js#m12`, as a file that
 * passes it on would take longer to load than most of what is split.
 */
function inLayer({ root, placed }, decide) {
  return request => {
    const decided = decide(request)
    if (decided?.namespace !== 'layer') return decided
    const { file, key } = placed.get(join(root, decided.path))
    return { external: true, path: `${file}#${key}` }
  }
}

/** An esbuild plugin that decides about imports between modules of ours, by their absolute path. */
function relativeImports(decide) {
  return {
    name: 'relative-imports',
    setup(build) {
      build.onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, importer, kind }) => {
        const module = resolve(dirname(importer), path)
        const decided = decide({ kind, module })
        return decided && { path: module, ...decided }
      })
    },
  }
}

/** An esbuild plugin that takes a module from the layer that has it. */
function fromLayers({ placed, root }) {
  return {
    name: 'from-layers',
    setup(build) {
      build.onResolve({ filter: /^\.\/\w+\.js$/, namespace: 'layer' }, ({ path }) => ({
        path,
        external: true,
      }))
      build.onLoad({ filter: /./, namespace: 'layer' }, ({ path }) => {
        const { file, key } = placed.get(join(root, path))
        return { contents: `module.exports = require(${JSON.stringify(file)}).${key}`, loader: 'js' }
      })
    },
  }
}

/** An esbuild plugin that puts getters in the place of what built-in modules export. */
function lazyBuiltins() {
  const require = createRequire(import.meta.url)
  const getter = (module, name) => `get ${name}(){return require(${JSON.stringify(module)}).${name}}`
  return {
    name: 'lazy-builtins',
    setup(build) {
      build.onResolve({ filter: /^node:/ }, ({ path, kind, namespace }) => {
        if (namespace === 'builtin' || kind !== 'import-statement' || !LAZY_BUILTINS.includes(path))
          return undefined
        return { namespace: 'builtin', path }
      })
      build.onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => {
        const names = Object.keys(require(path)).filter(name => /^\w+$/.test(name))
        return { contents: `module.exports={${names.map(name => getter(path, name)).join()}}`, loader: 'js' }
      })
    },
  }
}

/**
 * An esbuild plugin that takes no more of yargs than is used: its parser, without what writes its
 * own help.
 */
function parserOfYargs() {
  return {
    name: 'parser-of-yargs',
    setup(build) {
      build.onResolve({ filter: /./ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
        const isOfYargs = path === 'yargs/helpers' || /\/node_modules\/yargs\//.test(importer)
        if (!isOfYargs || pluginData?.isAsked) return undefined
        const found = await build.resolve(path, { importer, kind, resolveDir, pluginData: { isAsked: true } })
        return found.errors.length > 0 ? found : { ...found, sideEffects: false }
      })
    },
  }
}
