// A program of its own that appends lines, so that it can be killed and run more than once.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'

/** The program lies where no package is found by its name. */
const SODIUM = {
  path: createRequire(join(PROJECT_ROOT, 'package.json')).resolve('sodium-native'),
  external: true,
}

/**
 * Bundles a program that appends `count` lines, folds what can be folded, and prints the number of
 * each line after it was appended. Its arguments: the state directory, a name, the count.
 */
export async function writerProgram(directory: string): Promise<string> {
  const outfile = join(directory, 'writer.mjs')
  const source = (name: string) => JSON.stringify(join(PROJECT_ROOT, 'src/decisions', name))
  await build({
    stdin: {
      contents: `import { appendLine } from ${source('append.ts')}
        import { foldSegments } from ${source('fold.ts')}
        import { printDecision } from ${source('line.ts')}
        import { writeSync } from 'node:fs'
        const [state, name, count] = process.argv.slice(2)
        for (let left = Number(count); left > 0; left--) {
          const decision = { door: 'command', asker: name, path: '/nix/store/' + left, outcome: 'trusted',
            letIn: true, ground: 'rule' }
          const { number, isFoldable } = appendLine(state, at => printDecision(at, decision), { isDurable: false })
          writeSync(1, number + ' ' + left + '\\n')
          if (isFoldable) foldSegments(state)
        }`,
      resolveDir: PROJECT_ROOT,
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    plugins: [
      { name: 'sodium', setup: build => build.onResolve({ filter: /^sodium-native$/ }, () => SODIUM) },
    ],
  })
  return outfile
}
