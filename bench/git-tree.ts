/**
 * How long the NAR hash of a git tree takes, in pairs in one run against `git archive | sha256sum`,
 * for a tree of 45,000 files, and how much memory a process has taken at its height that does only
 * this.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { layoutOf } from '../src/git/layout.ts'
import { openGitObjects } from '../src/git/objects.ts'
import { receiveLocal } from '../src/git/receive.ts'
import { narHashOfGitTree } from '../src/git/tree-nar.ts'
import { spread } from './statistics.ts'

const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 5)
const FILES = 45_000

/** A commit for `git fast-import`, of about the sizes and directories that nixpkgs has. */
function commitOfMany(): string {
  const parts = ['commit refs/heads/main\ncommitter Dev <dev@example.org> 1 +0000\ndata 0\n']
  for (let index = 0; index < FILES; index++) {
    const line = `{ lib, stdenv, fetchurl }: stdenv.mkDerivation { name = "package-${index}"; }\n`
    const text = line.repeat(1 + (index % 60))
    parts.push(
      `M 100644 inline pkgs/${index % 60}/${index % 4500}/${index}.nix\ndata ${text.length}\n${text}\n`,
    )
  }
  return parts.join('')
}

async function hashOnce(received: string, tree: string): Promise<void> {
  const objects = openGitObjects(received)
  await narHashOfGitTree(objects, tree).finally(() => objects.close())
}

async function bench(dir: string): Promise<void> {
  const repository = join(dir, 'repository')
  const git = (args: readonly string[], input = '') =>
    execFileSync('git', ['--git-dir', repository, ...args], { input, encoding: 'utf8' }).trim()
  git(['init', '--quiet', '--bare'])
  git(['fast-import', '--quiet'], commitOfMany())
  const tree = git(['rev-parse', 'main^{tree}'])
  const received = await receiveLocal(dir, layoutOf(repository), { id: tree, type: 'tree' })
  const ratios: number[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    const started = process.hrtime.bigint()
    await hashOnce(received, tree)
    const between = process.hrtime.bigint()
    execFileSync('sh', ['-c', `git --git-dir=${received} archive ${tree} | sha256sum`])
    const ended = process.hrtime.bigint()
    ratios.push(Number(between - started) / Number(ended - between))
  }
  console.log(`NAR hash of ${FILES} files / git archive | sha256sum: ${spread(ratios)}`)
  const own = process.argv[1] ?? ''
  const peak = execFileSync(process.execPath, [own, received, tree], { encoding: 'utf8' })
  console.log(`memory at its height: ${peak.trim()} MiB`)
}

const [received, tree] = process.argv.slice(2)
if (received !== undefined && tree !== undefined) {
  await hashOnce(received, tree)
  console.log(Math.round(process.resourceUsage().maxRSS / 1024))
} else {
  const dir = mkdtempSync(join(tmpdir(), 'nixsig-bench-tree-'))
  await bench(dir).finally(() => rmSync(dir, { recursive: true, force: true }))
}
