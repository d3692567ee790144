/**
 * Prints metrics in the Prometheus text format 0.0.4 (prometheus.io, "Exposition formats"), as the
 * gate serves them and as node_exporter reads them from a file.
 */

/** Every name of a metric begins with this. */
const PREFIX = 'nixsig_'

export type MetricType = 'counter' | 'gauge' | 'histogram'

/** A metric with a value for each combination of labels. */
export interface Family {
  /** Without its prefix; letters, digits and `_`. */
  readonly name: string
  /** One line. */
  readonly help: string
  readonly type: MetricType
  readonly samples: readonly Sample[]
}

export interface Sample {
  /** Behind the name of the family: `_bucket`. */
  readonly suffix?: string
  /** Values of any text, by names of letters. */
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/** A gauge with one value. */
export function gauge(name: string, help: string, value: number): Family {
  return { name, help, type: 'gauge', samples: [{ value }] }
}

/** The lines of these metrics, each with its end; of one without a sample its description alone. */
export function printFamilies(families: readonly Family[]): string {
  return families.flatMap(linesOf).join('')
}

function linesOf({ name, help, type, samples }: Family): readonly string[] {
  return [
    `# HELP ${PREFIX}${name} ${help}\n`,
    `# TYPE ${PREFIX}${name} ${type}\n`,
    ...samples.map(sample => lineOf(name, sample)),
  ]
}

function lineOf(name: string, { suffix = '', labels = {}, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  return `${PREFIX}${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
