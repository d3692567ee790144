/**
 * Does the same with every item, at most `atOnce` of them at a time, and gives the results in the
 * order of the items. After an error nothing more is begun; it is thrown once what had begun is
 * over.
 */
export async function sideBySide<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  const rest = items.entries()
  let isOver = false
  const worker = async () => {
    for (const [index, item] of rest) {
      if (isOver) return
      try {
        results[index] = await work(item)
      } catch (error) {
        isOver = true
        throw error
      }
    }
  }
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, worker)
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
  return results
}
