/** What Nix processes have loaded into memory. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Environment } from '../nix-config/conf-files.ts'
import { type MappedFile, mappedFiles } from '../nix-config/processes.ts'
import { printable } from '../primitives/printable.ts'
import { encode } from '../store/wire.ts'
import { offersSymbol } from './elf.ts'
import type { Loaded } from './facts.ts'
import { lookAtProgram } from './installation.ts'

/** The symbol that the plugin looks for. */
const SYMBOL = 'sqlite3_auto_extension'
const PLUGIN = 'nixsig-plugin.so'
const TIMEOUT = 8000

/** What a process has loaded. Throws Error if the process is gone or its memory may not be read. */
export function loadedBy(pid: number, installation: string): Loaded {
  const files = mappedFiles(pid)
  return {
    plugin: pluginAmong(files, installation),
    offersSqlite: files.toSorted(bySqlite).some(file => offers(pid, file)),
  }
}

function pluginAmong(files: readonly MappedFile[], installation: string): Loaded['plugin'] {
  const plugins = files.filter(({ path }) => basename(path) === PLUGIN)
  if (plugins.some(({ path, isReplaced }) => !isReplaced && isPlugin(path, installation))) return 'loaded'
  return plugins.length > 0 ? 'replaced' : 'absent'
}

function isPlugin(path: string, installation: string): boolean {
  return lookAtProgram(installation, path).part === 'plugin'
}

/** Order in which mapped files are read: those that are likely to have the symbol come first. */
function bySqlite(a: MappedFile, b: MappedFile): number {
  return Number(b.path.includes('sqlite')) - Number(a.path.includes('sqlite'))
}

function offers(pid: number, { path }: MappedFile): boolean {
  try {
    return offersSymbol(readFileSync(`/proc/${pid}/root${path}`), SYMBOL)
  } catch {
    // Locale data, or a file that was replaced: it has no symbols.
    return false
  }
}

/**
 * The client's greeting to `nix-store --serve` (libstore, serve-protocol): the magic number and
 * version 2.5.
 */
const GREETING = encode(0x390c9deb, 0x205)

/**
 * What a Nix has loaded that is started as root for this, after it has loaded its plugins and
 * opened the store. Rejects with Nix's message.
 */
export async function loadedByOwn(
  nixStore: string,
  environment: Environment,
  installation: string,
): Promise<Loaded> {
  const child = spawn(nixStore, ['--store', 'local', '--serve'], {
    cwd: '/',
    env: environment,
    stdio: 'pipe',
  })
  let words = ''
  child.stderr.on('data', chunk => {
    words += String(chunk)
  })
  child.stdin.on('error', () => {})
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT)
  try {
    const pid = await new Promise<number>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', () => reject(new Error(`nix-store ended: ${printable(words.trim())}`)))
      child.stdout.once('data', () => resolve(child.pid ?? 0))
      child.stdin.write(GREETING)
    })
    return loadedBy(pid, installation)
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}
