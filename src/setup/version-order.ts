/** As semantic versioning orders them: negative if `a` is older. */
export function compareVersions(a: string, b: string): number {
  const [[coreA = '', ...preA], [coreB = '', ...preB]] = [a.split('-'), b.split('-')]
  const core = compareParts(coreA.split('.'), coreB.split('.'))
  if (core !== 0 || (preA.length === 0 && preB.length === 0)) return core
  if (preA.length === 0 || preB.length === 0) return preA.length === 0 ? 1 : -1
  return compareParts(preA.join('-').split('.'), preB.join('-').split('.'))
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [one, other] = [a[index], b[index]]
    if (one === other) continue
    if (one === undefined || other === undefined) return one === undefined ? -1 : 1
    const [isOne, isOther] = [/^[0-9]+$/.test(one), /^[0-9]+$/.test(other)]
    if (isOne && isOther && Number(one) !== Number(other)) return Number(one) - Number(other)
    if (isOne !== isOther) return isOne ? -1 : 1
    if (one !== other) return one < other ? -1 : 1
  }
  return 0
}
