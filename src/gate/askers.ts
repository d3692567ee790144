/**
 * Finds the user of a process that asks over a Unix socket. Node does not tell a socket's peer
 * (SO_PEERCRED), so the asker proves which process it is: it shows a name that the gate gave to
 * this connection alone, where only that process can (`/proc/<pid>/comm`, prctl(2) PR_SET_NAME). A
 * process of another user cannot be made to show it. The real user counts: a program with more
 * rights than whoever started it, such as sudo, is nobody else.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { ASK_NAME_LENGTH } from '../formats/asker.ts'
import { randomBytes } from '../primitives/sodium.ts'
import type { Peer } from './peers.ts'
import { openSubordinateUsers } from './subordinate-users.ts'

/** Finds who asks: a process number, and the name that it has to show. */
export type FindAsker = (pid: number, name: string) => Peer

/** Bytes of /proc/pid/status: the two lines that count are among the first. */
const STATUS_BYTES = 2048

/** Whoever cannot be found; all of them are one peer. */
const UNKNOWN: Peer = { name: 'user unknown', kind: 'user' }

/** Root has no privilege here: it can judge by itself. */
export function openAskers(userOf = openSubordinateUsers(), proc = '/proc'): FindAsker {
  return (pid, name) => {
    const user = realUserOf(statusOf(`${proc}/${pid}/status`), name)
    return user === undefined ? UNKNOWN : { name: `user ${userOf(user)}`, kind: 'user' }
  }
}

const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz'

/** A name that nobody can guess: 15 letters and digits. */
export function newAskerName(): string {
  return [...randomBytes(ASK_NAME_LENGTH)].map(byte => LETTERS[byte % LETTERS.length]).join('')
}

function realUserOf(status: string, name: string): number | undefined {
  if (!status.startsWith(`Name:\t${name}\n`)) return undefined
  const [, user] = /^Uid:\t(\d{1,10})\t/m.exec(status) ?? []
  return user === undefined ? undefined : Number(user)
}

function statusOf(file: string): string {
  let status: number | undefined
  try {
    status = openSync(file, 'r')
    const bytes = Buffer.alloc(STATUS_BYTES)
    return bytes.toString('latin1', 0, readSync(status, bytes, 0, STATUS_BYTES, 0))
  } catch {
    // It has ended, or is hidden from this process.
    return ''
  } finally {
    if (status !== undefined) closeSync(status)
  }
}
