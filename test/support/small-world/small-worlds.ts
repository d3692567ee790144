/** Tests properties of small worlds from a process whose /nix is shared. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import type { Plan } from './plan.ts'
import type { Outcome } from './properties.ts'

/** Names of the properties that the program knows. */
export type PropertyName = 'labels' | 'surroundings' | 'inquiry' | 'foreseen' | 'nix'

/** A world, and perhaps the number of a source around which a crowd of derivations is put. */
export interface WorldQuestion {
  readonly plan: Plan
  readonly crowd?: number
}

/** Throws with the program's output if it ends. */
export interface SmallWorlds {
  /** Tests a property. */
  try(property: PropertyName, bytes: Uint8Array): Promise<Outcome>
  /** The verdicts on everything in a world, by front and name: `offers 1`. */
  verdicts(question: WorldQuestion): Promise<ReadonlyMap<string, string>>
  /** Ends the process and removes its files. */
  close(): Promise<void>
}

/** Why small worlds cannot be made here; false if they can. */
export function whyNoSmallWorlds(): string | false {
  if (process.getuid?.() !== 0) return 'only root can have a /nix of its own'
  return realpathSync(process.execPath).startsWith('/nix/') && 'node itself lies in /nix'
}

/**
 * Starts the program that makes small worlds. It ends with this process, and keeps it alive only
 * while a question is pending. `scratch`: a directory that keeps its files if it is not closed.
 */
export async function openSmallWorlds(scratch = tmpdir()): Promise<SmallWorlds> {
  const stage = mkdtempSync(join(scratch, 'nixsig-small-'))
  const program = await compiled()
  const script = join(PROJECT_ROOT, 'test/support/small-world/private-root.sh')
  const command = [process.execPath, '--enable-source-maps', program.file]
  const argv = ['--mount', '--propagation', 'private', 'sh', script, stage, ...command]
  const child = spawn('unshare', argv, { stdio: ['pipe', 'pipe', 'pipe'] })
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    complaints += text
  })
  // A failed write shows by the missing answer.
  child.stdin.on('error', () => undefined)
  const ended = new Promise<void>(resolve => child.on('close', () => resolve()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let pending = 0
  const ask = async <T>(name: string, bytes: Uint8Array): Promise<T> => {
    pending++
    holdOn(child, true)
    child.stdin.write(`${name} ${Buffer.from(bytes).toString('base64')}\n`)
    const line = await lines.next()
    if (--pending === 0) holdOn(child, false)
    // The program has been loaded.
    program.remove()
    if (line.done === true) throw new Error(`small worlds came to an end: ${complaints.trim()}`)
    return JSON.parse(line.value)
  }
  return {
    try: (property, bytes) => ask<Outcome>(property, bytes),
    verdicts: async question =>
      new Map(await ask<readonly [string, string][]>('plan', Buffer.from(JSON.stringify(question)))),
    async close() {
      holdOn(child, true)
      child.stdin.end()
      await ended
      program.remove()
      rmSync(stage, { recursive: true, force: true })
    },
  }
}

/** Whether this process has to stay alive for the child. */
function holdOn(child: ChildProcess, isNeeded: boolean): void {
  const handles = [child, ...child.stdio.filter(stream => stream instanceof Socket)]
  for (const handle of handles) isNeeded ? handle.ref() : handle.unref()
}

/** The compiled program, within the checkout, where its packages are found. */
async function compiled(): Promise<{ readonly file: string; remove(): void }> {
  mkdirSync(join(PROJECT_ROOT, '.build'), { recursive: true })
  const directory = mkdtempSync(join(PROJECT_ROOT, '.build/small-world-'))
  const file = join(directory, 'program.mjs')
  await build({
    entryPoints: [join(PROJECT_ROOT, 'test/support/small-world/program.ts')],
    outfile: file,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    sourcemap: 'inline',
    define: { PROJECT_ROOT: JSON.stringify(PROJECT_ROOT) },
  })
  return { file, remove: () => rmSync(directory, { recursive: true, force: true }) }
}
