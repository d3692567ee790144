// A reporter for node:test: how many tests passed, were skipped or failed, and why, as one line of
// JSON a fact.
//
// tools/test.mjs prints the facts of all files when the last of them has ended.
// Format: https://nodejs.org/api/test.html#custom-reporters

/** The most characters of a failure's reason; the run's own output has all of it. */
const LONGEST_REASON = 2000

const reason = error =>
  String(error?.cause?.stack ?? error?.cause ?? error?.stack ?? error).slice(0, LONGEST_REASON)

export default async function* facts(source) {
  for await (const { type, data } of source) {
    if (type === 'test:fail' && data.details?.error?.failureType !== 'subtestsFailed')
      yield `${JSON.stringify({ outcome: 'failed', name: data.name, reason: reason(data.details?.error) })}\n`
    if (type === 'test:pass')
      yield `${JSON.stringify({ outcome: data.skip === undefined ? 'passed' : 'skipped' })}\n`
  }
}
