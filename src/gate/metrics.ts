/** The gate's metrics: what it counts and measures while it runs. */
import { gauge, type Family as Printed, printFamilies } from '../formats/prometheus.ts'

export type CounterName =
  | 'requests'
  | 'answers_cached'
  | 'upstream_answers'
  | 'verdicts'
  | 'hook_questions'
  | 'door_answers'
  | 'conflicts'
  | 'unanswered'
  | 'upstream_silences'

export type HistogramName = 'request_seconds' | 'upstream_seconds'

/**
 * Values by label name. A label that is missing is empty; one that the metric does not have is
 * ignored. Each combination of values is kept as long as the process lives, so there must be few.
 */
export type Labels = Readonly<Record<string, string>>

export interface Metrics {
  count(name: CounterName, labels?: Labels): void
  /** Ignores values that are not a duration (negative or not finite). */
  observe(name: HistogramName, seconds: number, labels?: Labels): void
  /**
   * Prints all metrics: this process's own, the counters of another process added, and the gauges
   * given, and `more` besides. Every name gets the prefix `nixsig_`.
   */
  print(
    gauges: Readonly<Record<string, number>>,
    others?: readonly Counted[],
    more?: readonly Printed[],
  ): string
  /** The values of the counters, for the process that prints them. */
  counted(): readonly Counted[]
}

/** The value of a counter for some labels. */
export interface Counted {
  readonly name: CounterName
  readonly labels: Labels
  readonly count: number
}

/** Metrics that all start at zero. */
export function openMetrics(): Metrics {
  const counters: Readonly<Record<CounterName, Family<Counter>>> = {
    requests: counter('Requests answered over HTTP.', ['endpoint', 'status']),
    answers_cached: counter('Requests for a narinfo whose answer was at hand.'),
    upstream_answers: counter('What upstreams said when they were asked for a narinfo.', [
      'upstream',
      'result',
    ]),
    verdicts: counter('Verdicts on what upstreams offer.', ['outcome', 'code']),
    hook_questions: counter('Questions of the hooks.', ['question', 'outcome']),
    door_answers: counter('Answers at each door by which something comes into the store.', [
      'door',
      'outcome',
    ]),
    unanswered: counter('Questions that no upstream could answer.'),
    upstream_silences: counter('Times that an upstream stopped answering.', ['upstream']),
    conflicts: counter('Times that what upstreams say of a path could not all be true.'),
  }
  const histograms: Readonly<Record<HistogramName, Family<Histogram>>> = {
    request_seconds: histogram('Seconds from a request to its answer.', ['endpoint']),
    upstream_seconds: histogram('Seconds until an upstream said something.', ['upstream']),
  }
  return {
    count(name, labels = {}) {
      counters[name].at(labels).count++
    },
    observe(name, seconds, labels = {}) {
      if (seconds >= 0 && Number.isFinite(seconds)) observeIn(histograms[name].at(labels), seconds)
    },
    counted: () => countedIn(counters),
    print: (gauges, others = [], more = []) =>
      printFamilies([
        ...countersWith(counters, others).map(([name, family]) => printedCounters(`${name}_total`, family)),
        ...Object.entries(histograms).map(([name, family]) => printedHistograms(name, family)),
        ...Object.entries(gauges).map(([name, value]) =>
          gauge(name, `Now: ${name.replaceAll('_', ' ')}.`, value),
        ),
        ...more,
      ]),
  }
}

interface Counter {
  count: number
}

interface Histogram {
  /** One for each bucket, and one for values above all buckets. */
  readonly counts: number[]
  sum: number
}

type Counters = Readonly<Record<CounterName, Family<Counter>>>

function namesOf(counters: Counters): readonly CounterName[] {
  return Object.keys(counters) as CounterName[]
}

function countedIn(counters: Counters): readonly Counted[] {
  return namesOf(counters).flatMap(name =>
    counters[name].labelled().map(({ labels, series }) => ({ name, labels, count: series.count })),
  )
}

/** The counters with those of other processes added. Returns copies. */
function countersWith(
  counters: Counters,
  others: readonly Counted[],
): readonly (readonly [name: string, family: Family<Counter>])[] {
  return namesOf(counters).map(name => {
    const { help, names } = counters[name]
    const sum = counter(help, names)
    for (const { labels, series } of counters[name].labelled()) sum.at(labels).count += series.count
    for (const more of others) if (more.name === name) sum.at(more.labels).count += more.count
    return [name, sum] as const
  })
}

/** Upper bounds of the buckets, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

function counter(help: string, labels: readonly string[] = []): Family<Counter> {
  return openFamily(help, labels, () => ({ count: 0 }))
}

function histogram(help: string, labels: readonly string[]): Family<Histogram> {
  return openFamily(help, labels, () => ({ counts: new Array<number>(BUCKETS.length + 1).fill(0), sum: 0 }))
}

function observeIn(histogram: Histogram, seconds: number): void {
  const bucket = BUCKETS.findIndex(end => seconds <= end)
  const place = bucket < 0 ? BUCKETS.length : bucket
  histogram.counts[place] = (histogram.counts[place] ?? 0) + 1
  histogram.sum += seconds
}

/** A metric with one series for each combination of label values seen. */
interface Family<Series> {
  readonly help: string
  /** Names of its labels. */
  readonly names: readonly string[]
  at(labels: Labels): Series
  labelled(): readonly { readonly labels: Labels; readonly series: Series }[]
}

function openFamily<Series>(help: string, names: readonly string[], start: () => Series): Family<Series> {
  const series = new Map<string, { readonly values: readonly string[]; readonly series: Series }>()
  function at(labels: Labels): Series {
    let key = ''
    for (const name of names) key += `${labels[name] ?? ''}\0`
    const found = series.get(key)
    if (found !== undefined) return found.series
    const added = { values: names.map(name => labels[name] ?? ''), series: start() }
    series.set(key, added)
    return added.series
  }
  // A metric without labels has one series from the start.
  if (names.length === 0) at({})
  return {
    help,
    names,
    at,
    labelled: () =>
      [...series.values()].map(({ values, series }) => ({
        labels: Object.fromEntries(names.map((name, place) => [name, values[place] ?? ''])),
        series,
      })),
  }
}

function printedCounters(name: string, { help, labelled }: Family<Counter>): Printed {
  const samples = labelled().map(({ labels, series }) => ({ labels, value: series.count }))
  return { name, help, type: 'counter', samples }
}

/** Buckets are cumulative: each includes the counts of the smaller ones. */
function printedHistograms(name: string, { help, labelled }: Family<Histogram>): Printed {
  const samples = labelled().flatMap(({ labels, series: { counts, sum } }) => {
    let total = 0
    const buckets = counts.map((count, place) => {
      total += count
      return { suffix: '_bucket', labels: { ...labels, le: String(BUCKETS[place] ?? '+Inf') }, value: total }
    })
    return [...buckets, { suffix: '_sum', labels, value: sum }, { suffix: '_count', labels, value: total }]
  })
  return { name, help, type: 'histogram', samples }
}
