/**
 * How long the NAR hash of a git tree takes, in pairs in one run against `git archive | sha256sum`,
 * for a tree of 45,000 files, and how much memory this process has taken at its height.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { layoutOf } from '../src/git/layout.ts'
import { openGitObjects } from '../src/git/objects.ts'
import { receiveLocal } from '../src/git/receive.ts'
import { narHashOfGitTree } from '../src/git/tree-nar.ts'
import { testRepository } from '../test/support/git.ts'
import { spread } from './statistics.ts'

const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 5)
const FILES = 45_000

/** Files of about the sizes and in about as many directories as nixpkgs has. */
function writeFiles(directory: string): void {
  for (let index = 0; index < FILES; index++) {
    const folder = join(directory, `pkgs/${index % 60}/${index % 4500}`)
    mkdirSync(folder, { recursive: true })
    const line = `{ lib, stdenv, fetchurl }: stdenv.mkDerivation { name = "package-${index}"; }\n`
    writeFileSync(join(folder, `${index}.nix`), line.repeat(1 + (index % 60)))
  }
}

const dir = mkdtempSync(join(tmpdir(), 'nixsig-bench-tree-'))
try {
  const { directory, git } = testRepository(join(dir, 'repository'), { 'gc.auto': '0' })
  writeFiles(directory)
  git('add', '-A')
  git('commit', '-qm', 'all')
  const tree = git('rev-parse', 'HEAD^{tree}')
  const received = await receiveLocal(dir, layoutOf(directory), { id: tree, type: 'tree' })

  const ratios: number[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    const started = process.hrtime.bigint()
    const objects = openGitObjects(received)
    await narHashOfGitTree(objects, tree).finally(() => objects.close())
    const between = process.hrtime.bigint()
    execFileSync('sh', ['-c', `git --git-dir=${received} archive ${tree} | sha256sum`])
    const ended = process.hrtime.bigint()
    ratios.push(Number(between - started) / Number(ended - between))
  }
  console.log(`NAR hash of ${FILES} files / git archive | sha256sum: ${spread(ratios)}`)
  const { maxRSS } = process.resourceUsage()
  console.log(`memory at its height: ${Math.round(maxRSS / 1024)} MiB`)
} finally {
  rmSync(dir, { recursive: true, force: true })
}
