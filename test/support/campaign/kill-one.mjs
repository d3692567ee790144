// Kills one process of a world: node kill-one.mjs KIND DELAY
//
// Waits DELAY milliseconds, and then at most one second for a process of this kind. Prints the
// process id and command line of what it killed, or nothing if there was none. Runs in the world
// whose processes it sees.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const PATIENCE_MS = 1000

const [kind, delay] = process.argv.slice(2)

/** Facts about a process; undefined if it has ended meanwhile. */
function look(pid) {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const field = name => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
    const program = readlinkSync(`/proc/${pid}/exe`)
    return { pid, program, words, text: words.join(' '), parent: field('PPid'), user: field('Uid') }
  } catch {
    return undefined
  }
}

const isDaemon = one => one?.words[0].endsWith('nix-daemon')

const KINDS = {
  hook: ({ text, program }) => /\/(pre-|post-)?build-hook/.test(program.includes('nixsig') ? program : text),
  gate: ({ text }) => /nixsig serve/.test(text),
  // The process of one connection: the daemon that listens has no daemon as its parent.
  daemon: one => isDaemon(one) && isDaemon(look(one.parent)),
  client: ({ user, text }) => user === 1000 && text.includes('nix-store'),
  builder: ({ program, parent }) => /\/(sh|busybox)$/.test(program) && isDaemon(look(parent)),
}

function victims() {
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  const found = all.map(Number).filter(pid => pid !== process.pid && pid !== process.ppid)
  return found.map(look).filter(one => one !== undefined && KINDS[kind](one))
}

await new Promise(resolve => setTimeout(resolve, Number(delay)))
const end = Date.now() + PATIENCE_MS
for (let killed = false; !killed && Date.now() < end; ) {
  const found = victims()
  const one = found[Math.floor(Math.random() * found.length)]
  if (one === undefined) continue
  try {
    process.kill(one.pid, 'SIGKILL')
    console.log(`${one.pid} ${one.text}`)
    killed = true
  } catch {
    // It ended first.
  }
}
