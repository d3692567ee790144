import { readlinkSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'

/** As many symbolic links as Linux follows in one path. */
const MAX_LINKS = 40

/**
 * Where a path of another root lies for this process. Symbolic links are followed as that root means them, so an
 * absolute one never leads out into this machine's own files. What does not exist yet is kept as it is.
 * `followLast` false leaves a symbolic link at the very end alone. Throws on a relative path and on a loop of links.
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
