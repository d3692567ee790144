/** JSON with the fields in order; maps, sets and bytes as lists. The same for the same values. */
export function plain(value: unknown): string | undefined {
  return JSON.stringify(value, (_, one: unknown) => {
    if (one instanceof Map) return [...one].sort(([a], [b]) => (a < b ? -1 : 1))
    if (one instanceof Set) return [...one].sort()
    if (one instanceof Uint8Array) return Buffer.from(one).toString('hex')
    if (typeof one !== 'object' || one === null || Array.isArray(one)) return one
    return Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
