import { printable } from '../primitives/printable.ts'
import type { Learned } from './door.ts'

/** The result of `find`, or why it failed; fails after `timeout` milliseconds. Never rejects. */
export async function learn<T>(find: () => T | Promise<T>, timeout: number): Promise<Learned<T>> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Learned<T>>(resolve => {
    timer = setTimeout(() => resolve({ problem: `not found out in ${timeout / 1000} seconds` }), timeout)
  })
  try {
    return await Promise.race([attempt(find), late])
  } finally {
    clearTimeout(timer)
  }
}

async function attempt<T>(find: () => T | Promise<T>): Promise<Learned<T>> {
  try {
    return { value: await find() }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    return { problem: printable(text.replaceAll(/\s*\n\s*/g, '; '), 1000) }
  }
}
