/**
 * A path that leads from the top of a tree to one place in it, as names with slashes between them,
 * empty for the top; undefined if it could lead out. Names that are empty or `.` go nowhere.
 */
export function innerDirectory(path: string): string | undefined {
  if (path.length > 1000 || path.startsWith('/')) return undefined
  const names = path.split('/').filter(name => name !== '' && name !== '.')
  return names.every(isInnerName) ? names.join('/') : undefined
}

function isInnerName(name: string): boolean {
  return name !== '..' && !/[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u.test(name)
}
