// A program of its own that appends lines, so that it can be killed and run more than once.
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { build } from 'esbuild'
import { sodiumBesideBundle } from '../../../tools/sodium-plugin.mjs'

/** Where the compiled half of sodium-native lies for programs that run here. */
const PREBUILDS = join(
  dirname(createRequire(join(PROJECT_ROOT, 'package.json')).resolve('sodium-native/package.json')),
  'prebuilds',
)

/**
 * Bundles a program that appends `count` lines, folds what can be folded, and prints the number of
 * each line after it was appended. Its arguments: the state directory, a name, the count.
 * `prebuilds`: where those of sodium-native lie, seen from the program.
 */
export async function writerProgram(
  directory: string,
  prebuilds = relative(directory, PREBUILDS),
): Promise<string> {
  const outfile = join(directory, 'writer.cjs')
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
    format: 'cjs',
    plugins: [sodiumBesideBundle({ prebuilds })],
  })
  return outfile
}
