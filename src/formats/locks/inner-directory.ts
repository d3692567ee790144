/** Whether a path leads from the top of a tree to one place in it, written in the one way. */
export function isInnerDirectory(path: string): boolean {
  return path.length <= 1000 && path.split('/').every(isInnerName)
}

function isInnerName(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    !/[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u.test(name)
  )
}
