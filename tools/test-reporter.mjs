// A reporter for node:test: which tests failed and why, and how long each file took, one JSON
// object per line.
//
// tools/test.mjs prints the results of all runs when the last of them has ended. Format:
// https://nodejs.org/api/test.html#custom-reporters

/** The most characters of a failure's reason; the run's own output has all of it. */
const LONGEST_REASON = 2000

const reason = error =>
  String(error?.cause?.stack ?? error?.cause ?? error?.stack ?? error).slice(0, LONGEST_REASON)

export default async function* facts(source) {
  for await (const { type, data } of source) {
    if (type === 'test:fail' && data.details?.error?.failureType !== 'subtestsFailed')
      yield `${JSON.stringify({ failed: data.name, file: data.file, reason: reason(data.details?.error) })}\n`
    if ((type === 'test:pass' || type === 'test:fail') && data.nesting === 0 && data.file !== undefined)
      yield `${JSON.stringify({ file: data.file, milliseconds: Math.round(data.details.duration_ms) })}\n`
  }
}
