// CONTRIBUTING.md: arrows run one way. What the code imports from must stand above it in the list
// of folders.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

const CONTRIBUTING = readFileSync(join(PROJECT_ROOT, 'CONTRIBUTING.md'), 'utf8')
const FOLDERS = [...CONTRIBUTING.matchAll(/^src\/([a-z-]+)\/ /gm)].map(([, folder = '']) => folder)

/**
 * Folders of `src` that a file imports values from, be it now or when it gets there; types are no
 * arrows.
 */
function importsOf(text: string, file: string): readonly string[] {
  const statements = text.matchAll(
    /^(?:import|export) (?!type\b)[^;']*?from '((?:\.\.\/)+[^']+)'|import\('((?:\.\.\/)+[^']+)'\)/gm,
  )
  const paths = [...statements].map(([, now, later]) => now ?? later ?? '')
  return paths.map(path => join(dirname(file), path).split('/')[1] ?? '')
}

test('every folder of src is explained, in the order of the arrows', () => {
  const folders = readdirSync(join(PROJECT_ROOT, 'src'))
  assert.deepEqual([...FOLDERS].sort(), folders.sort())
})

test('no folder imports from one below it', () => {
  const wrong: string[] = []
  for (const [rank, folder] of FOLDERS.entries()) {
    const files = readdirSync(join(PROJECT_ROOT, 'src', folder), { recursive: true, encoding: 'utf8' })
    for (const file of files.filter(name => name.endsWith('.ts'))) {
      const text = readFileSync(join(PROJECT_ROOT, 'src', folder, file), 'utf8')
      for (const imported of importsOf(text, `src/${folder}/${file}`)) {
        if (FOLDERS.indexOf(imported) > rank) wrong.push(`src/${folder}/${file} imports from src/${imported}`)
      }
    }
  }
  assert.deepEqual(wrong, [])
})

/**
 * To judge an output is to admit what it was built from, and to admit an input is to judge it:
 * these two call each other and stand in two files for their length alone.
 */
const RECURSIVE = ['src/verifier/admit.ts', 'src/verifier/judge-input.ts']

test('no files import from each other in a circle, types included', () => {
  const files = readdirSync(join(PROJECT_ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => `src/${name}`)
  const imports = new Map(files.map(file => [file, staticImportsOf(file)]))
  const circles = new Set<string>()
  const done = new Set<string>()
  const walk = (file: string, way: readonly string[]): void => {
    const since = way.indexOf(file)
    if (since >= 0) circles.add([...way.slice(since)].sort().join(' '))
    if (since >= 0 || done.has(file)) return
    for (const imported of imports.get(file) ?? []) walk(imported, [...way, file])
    done.add(file)
  }
  for (const file of files) walk(file, [])
  assert.deepEqual([...circles], [RECURSIVE.join(' ')])
})

/** Files of `src` that a file imports from when it starts; what it loads later is no arrow here. */
function staticImportsOf(file: string): readonly string[] {
  const text = readFileSync(join(PROJECT_ROOT, file), 'utf8')
  const targets = [...text.matchAll(/^(?:import|export) [^;']*?from '(\.[^']+)'/gm)].map(([, to = '']) => to)
  return targets.map(target => join(dirname(file), target))
}
