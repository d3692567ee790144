import { readlinkSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'

/** The most symbolic links that Linux follows in one path. */
const MAX_LINKS = 40

/**
 * The path in this process of a path below another root. Symbolic links are resolved against that
 * root, so an absolute one never leads to this machine's own files. Components that do not exist
 * yet are kept. With `followLast` false a symbolic link as the last component is not followed.
 * Throws on a relative path and on a loop of links.
 */
export function insideRoot(root: string, path: string, followLast = true): string {
  if (!isAbsolute(path)) throw new Error(`not an absolute path: ${path}`)
  const todo = path.split('/')
  const done: string[] = []
  for (let links = 0; todo.length > 0; ) {
    const part = todo.shift()
    if (part === undefined || part === '' || part === '.') continue
    if (part === '..') {
      done.pop()
      continue
    }
    const target = todo.length > 0 || followLast ? linkTarget(join(root, ...done, part)) : undefined
    if (target === undefined) {
      done.push(part)
      continue
    }
    if (++links > MAX_LINKS) throw new Error(`too many symbolic links: ${path}`)
    if (isAbsolute(target)) done.length = 0
    todo.unshift(...target.split('/'))
  }
  return join(root, ...done)
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
