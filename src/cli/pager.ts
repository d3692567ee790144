/** What is longer than the screen is shown in a pager, as git and systemctl do. */
import { spawn } from 'node:child_process'
import { textWidth } from './columns.ts'
import { endProgress, type Terminal } from './terminal.ts'

/** A pager to start, and what it finds in its environment. */
export interface Pager {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/** What pagers and their messages depend on, and what names no program that is run. */
const HARMLESS = ['TERM', 'LANG', 'LC_ALL', 'LC_CTYPE', 'LC_MESSAGES', 'COLUMNS', 'LINES']
const SYSTEM_PATH = '/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:/usr/bin:/bin'
const NONE = ['', 'cat']

/**
 * The pager of a user: NIXSIG_PAGER, or else PAGER, is a line for their shell, as everywhere;
 * without either, less, which shows what fits at once and leaves the text on the screen (LESS=FRX).
 * Empty or `cat`: none. Whoever is root may have somebody else's environment (sudo, su), so root
 * gets no program that it names, but the system's less, which runs no commands then (LESSSECURE);
 * `less` is where that is, undefined where it is not installed.
 */
export function choosePager(
  env: Readonly<Record<string, string | undefined>>,
  { isRoot, less }: { readonly isRoot: boolean; readonly less: string | undefined },
): Pager | undefined {
  const wanted = env['NIXSIG_PAGER'] ?? env['PAGER']
  if (wanted !== undefined && NONE.includes(wanted.trim())) return undefined
  if (isRoot) {
    if (less === undefined) return undefined
    const kept = HARMLESS.flatMap(name => (env[name] === undefined ? [] : [[name, env[name]]]))
    const own = { PATH: SYSTEM_PATH, LESS: 'FRX', LESSSECURE: '1', LESSHISTFILE: '-' }
    return { program: less, args: [], env: { ...Object.fromEntries(kept), ...own } }
  }
  const withLess = { ...env, LESS: env['LESS'] ?? 'FRX' }
  if (wanted !== undefined) return { program: '/bin/sh', args: ['-c', wanted], env: withLess }
  return less === undefined ? undefined : { program: less, args: [], env: withLess }
}

/** One thing that was said, and where it goes without a pager. */
interface Said {
  readonly text: string
  readonly kind: 'plain' | 'refusal' | 'note' | 'warning'
}

/**
 * Shows everything that `say` prints: in a pager where standard output is a terminal with fewer
 * lines, or else as it comes. Remarks stand among the rest in the pager. A pager that cannot be
 * started, or ends badly, hides nothing: then all of it is printed.
 */
export async function paged(terminal: Terminal, say: (out: Terminal) => unknown): Promise<void> {
  const height = process.stdout.isTTY === true ? process.stdout.rows : undefined
  if (!height) {
    await say(terminal)
    return
  }
  const said: Said[] = []
  await say({
    ...terminal,
    print: (text, kind = 'plain') => said.push({ text, kind }),
    note: text => said.push({ text, kind: 'note' }),
    warn: text => said.push({ text, kind: 'warning' }),
  })
  endProgress()
  if (linesOn(process.stdout.columns || 80, said) >= height && (await isShown(said))) return
  for (const { text, kind } of said) {
    if (kind === 'note') terminal.note(text)
    else if (kind === 'warning') terminal.warn(text)
    else terminal.print(text, kind)
  }
}

/** Lines of the screen that it takes. */
function linesOn(columns: number, said: readonly Said[]): number {
  const lines = said.flatMap(({ text }) => text.split('\n'))
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(textWidth(line) / columns)), 0)
}

async function isShown(said: readonly Said[]): Promise<boolean> {
  const { findProgram } = await import('../files/programs.ts')
  const isRoot = process.geteuid?.() === 0
  const pager = choosePager(process.env, { isRoot, less: findProgram('less') })
  return pager !== undefined && runPager(pager, said.map(({ text }) => `${text}\n`).join(''))
}

/** Whether a pager ran and ended well. Ctrl-C is the pager's while it runs. */
function runPager({ program, args, env }: Pager, text: string): Promise<boolean> {
  const stay = () => {}
  process.on('SIGINT', stay)
  const ended = new Promise<boolean>(resolve => {
    const child = spawn(program, [...args], { env, stdio: ['pipe', 'inherit', 'inherit'] })
    child.once('error', () => resolve(false))
    child.once('close', status => resolve(status === 0))
    // Whoever leaves the pager has seen enough.
    child.stdin.on('error', stay)
    child.stdin.end(text)
  })
  return ended.finally(() => process.off('SIGINT', stay))
}
