/**
 * Dashboard, alerts and docs/how-to/monitoring.md name the metrics that nixsig prints, with labels
 * that those have. Where promtool is installed, it reads all of it as well.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { SMALL_AUDIT } from '../../fuzz/targets/audits.ts'
import { auditMetricsText } from '../../src/audit/metrics.ts'
import { appendLine } from '../../src/decisions/append.ts'
import { foldSegments } from '../../src/decisions/fold.ts'
import { type Decision, printDecision, SEGMENT_LINES } from '../../src/decisions/line.ts'
import { logPlaces } from '../../src/decisions/places.ts'
import { noteTrouble } from '../../src/decisions/trouble.ts'
import { logProblemsIn, watchLogProblems } from '../../src/gate/log-problems.ts'
import { openMetrics } from '../../src/gate/metrics.ts'
import { auditMetrics, standingFamilies } from '../../src/gate/standing-metrics.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { randomAudit } from '../support/audits/random.ts'

const MONITORING = join(PROJECT_ROOT, 'nix/monitoring')
const state = mkdtempSync(join(tmpdir(), 'nixsig-monitoring-'))
before(() => decide(1))
after(() => rmSync(state, { recursive: true, force: true }))

/** Writes that many decisions to the log. */
function decide(count: number, into = state): void {
  const decision: Decision = {
    door: 'gate',
    asker: 'root',
    path: '/nix/store/00000000000000000000000000000000-hello',
    outcome: 'trusted',
    letIn: true,
    ground: 'a rule',
  }
  for (let done = 0; done < count; done++)
    appendLine(into, place => printDecision(place, decision), { isDurable: false })
}

const NOW = 1_772_366_400
const POLICY = `version = 1
mode = "warn"
[principals.cache]
keys = [
  { key = "cache-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU=", valid-until = 2026-04-01 },
  { key = "cache-2:O3ItuQsCbN3SNFM/Qym9sUejO7mnh+qQNSVIVCf4Q4I=", valid-until = 2026-05-01 },
]
[default]
require.source = "cache"
require.derivation = "cache"
require.output = "cache"
[[exemptions]]
name = "x-*"
reason = "until spring"
until = 2026-03-20
`

function readPolicy() {
  const certificate = () => assert.fail('it names no certificate')
  return parsePolicy({ toml: POLICY, file: 'policy.toml', directory: '/', certificate })
}

/** Everything that a gate prints, with the metrics of an audit behind it. */
function gateText(): string {
  const metrics = openMetrics()
  metrics.count('requests', { endpoint: 'nar', status: '200' })
  metrics.count('upstream_answers', { upstream: 'https://cache.example.org', result: 'offer' })
  metrics.count('verdicts', { outcome: 'untrusted', code: 'unsigned' })
  metrics.count('hook_questions', { question: 'after-build', outcome: 'pass' })
  metrics.count('door_answers', { door: 'gate', outcome: 'passed' })
  metrics.count('upstream_silences', { upstream: 'https://cache.example.org' })
  metrics.observe('request_seconds', 0.1, { endpoint: 'nar' })
  metrics.observe('upstream_seconds', 0.1, { upstream: 'https://cache.example.org' })
  const gauges = [
    'connections',
    'askers',
    'connections_refused',
    'hooks_waiting',
    'http_restarts',
    'memory_bytes',
  ]
  const policy = {
    ...readPolicy(),
    digest: 'ab'.repeat(32),
  }
  writeFileSync(join(state, 'audit.prom'), auditMetricsText(SMALL_AUDIT))
  const all = Object.fromEntries(gauges.map(name => [name, 1]))
  const families = [...standingFamilies(policy, state, NOW), logProblemsIn(state)(policy.decisions)]
  return metrics.print(all, [], families) + auditMetrics(state)
}

/** The labels of each metric by its name, those of histograms under each of their names. */
function printedIn(text: string): ReadonlyMap<string, ReadonlySet<string>> {
  const printed = new Map<string, Set<string>>()
  for (const [, name = '', labels = ''] of text.matchAll(/^(nixsig_\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = printed.get(name) ?? new Set()
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label)
    printed.set(name, known)
  }
  return printed
}

const PRINTED = printedIn(gateText())

/** Asserts that an expression names what is printed. */
function assertKnown(expression: string): void {
  const labels = new Set(['instance', 'job'])
  let count = 0
  for (const [, name = '', matchers = ''] of expression.matchAll(/\b(nixsig_\w+)(?:\{([^}]*)\})?/g)) {
    const own = PRINTED.get(name)
    assert.ok(own !== undefined, `${name} in ${expression}`)
    for (const label of own) labels.add(label)
    for (const [, label = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
      assert.ok(own.has(label) || label === 'instance', `${label} of ${name}`)
    count++
  }
  assert.ok(count > 0, expression)
  for (const [, by = ''] of expression.matchAll(/\b(?:by|on) \(([^)]*)\)/g))
    for (const label of by.split(',')) assert.ok(labels.has(label.trim()), `by ${label} in ${expression}`)
}

interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[]
}

test('the dashboard shows what is printed, from the data source that is chosen', () => {
  const { panels, templating } = JSON.parse(
    readFileSync(join(MONITORING, 'nixsig-dashboard.json'), 'utf8'),
  ) as {
    panels: readonly Panel[]
    templating: { list: readonly { name: string; query: unknown }[] }
  }
  assert.deepEqual(
    templating.list.map(({ name }) => name),
    ['datasource', 'instance'],
  )
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const targets = panels.flatMap(({ targets = [] }) => targets)
  for (const { expr, datasource } of targets) {
    assertKnown(expr)
    assert.equal(datasource.uid, '$' + '{datasource}')
    assert.match(expr, /instance=~"\$instance"/)
  }
  const shown = targets.map(({ expr }) => expr).join('\n')
  const unshown = [...PRINTED.keys()].filter(
    name => !shown.includes(name.replace(/_(?:bucket|sum|count)$/, '_')),
  )
  assert.deepEqual(unshown, [
    'nixsig_answers_cached_total',
    'nixsig_upstream_answers_total',
    'nixsig_hook_questions_total',
    'nixsig_http_restarts',
  ])
})

test('alerts are about what is printed, and each is tested', () => {
  const rules = readFileSync(join(MONITORING, 'nixsig-alerts.yaml'), 'utf8')
  const tests = readFileSync(join(MONITORING, 'nixsig-alerts.test.yaml'), 'utf8')
  const expressions = [...rules.matchAll(/^ +expr: (.*)$/gm)].map(([, expression = '']) => expression)
  for (const expression of expressions) assertKnown(expression)
  const names = [...rules.matchAll(/- alert: (\w+)$/gm)].map(([, name = '']) => name)
  assert.equal(names.length, expressions.length)
  const page = readFileSync(join(PROJECT_ROOT, 'docs/how-to/monitoring.md'), 'utf8')
  for (const name of names) assert.ok(page.includes(`\`${name}\``), `${name} in docs/how-to/monitoring.md`)
  assert.deepEqual(
    names.filter(name => !tests.includes(`alertname: ${name}\n`)),
    [],
  )
})

test('the page names every metric', () => {
  const page = readFileSync(join(PROJECT_ROOT, 'docs/how-to/monitoring.md'), 'utf8')
  const names = [...gateText().matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name)
  assert.deepEqual(
    names.filter(name => !page.includes(`\`${name}\``)),
    [],
  )
})

test('the next end of each kind that is still to come, and nothing of what is over', () => {
  const text = gateText()
  assert.match(text, /^nixsig_next_end_timestamp_seconds\{kind="key"\} 1775001600$/m)
  assert.match(text, /^nixsig_next_end_timestamp_seconds\{kind="exemption"\} 1773964800$/m)
  assert.doesNotMatch(text, /kind="(?:list|respite)"\} \d+\n(?!nixsig_audit)/)
  const [, , , ends] = standingFamilies({ ...readPolicy(), digest: '' }, state, 1_775_001_600)
  assert.deepEqual(ends?.samples, [{ labels: { kind: 'key' }, value: 1_777_593_600 }])
})

test('without a policy there is none in force, and nothing that ends', () => {
  const [info, , , ends] = standingFamilies(undefined, state, NOW)
  assert.deepEqual([info?.samples, ends?.samples], [[], []])
})

test('the decision log by its lines, its bytes and its last line, and nothing where there is none', () => {
  const own = mkdtempSync(join(tmpdir(), 'nixsig-monitoring-'))
  const directory = join(own, 'decisions')
  const shown = () => {
    const families = standingFamilies(undefined, own, NOW).filter(({ name }) => name.startsWith('decision_'))
    return families.map(({ samples }) => samples[0]?.value)
  }
  const bytesIn = (name: string) =>
    readdirSync(join(directory, name)).reduce(
      (sum, one) => sum + readFileSync(join(directory, name, one)).length,
      0,
    )
  try {
    assert.deepEqual(shown(), [])
    decide(SEGMENT_LINES + 5, own)
    const [last = ''] = readdirSync(join(directory, 'open')).sort().slice(-1)
    utimesSync(join(directory, 'open', last), NOW, NOW)
    const lines = Number(last) + 1
    assert.ok(lines >= SEGMENT_LINES + 5)
    assert.deepEqual(shown(), [lines, bytesIn('open'), NOW])
    foldSegments(own)
    assert.equal(readdirSync(join(directory, 'segments')).length, 1)
    assert.deepEqual(shown(), [lines, bytesIn('open') + bytesIn('segments'), NOW])
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
})

test('what is wrong with the decision log, by what was done to it', () => {
  const own = mkdtempSync(join(tmpdir(), 'nixsig-monitoring-'))
  const shown = (log: 'off' | 'kept' = 'kept') =>
    logProblemsIn(own)({ log }).samples.map(({ labels, value }) => [labels?.['problem'], value])
  const wrong = (...codes: readonly string[]) =>
    ['unwritable', 'broken', 'lost', 'untidy', 'unfolded', 'unsigned'].map(code => [
      code,
      codes.includes(code) ? 1 : 0,
    ])
  try {
    assert.deepEqual(shown('off'), [], 'no log is kept')
    assert.deepEqual(shown(), wrong(), 'nothing was decided yet')
    decide(5, own)
    assert.deepEqual(shown(), wrong())
    const places = logPlaces(own)
    noteTrouble(places, 'the disk is full')
    assert.deepEqual(shown(), wrong('untidy'))
    rmSync(join(places.open, '000000000002'))
    assert.deepEqual(shown(), wrong('untidy', 'broken'), 'attack: a line was removed')
    assert.deepEqual(logProblemsIn(own)(undefined).samples, [], 'without a policy nothing is known')
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
})

test('attack: whoever asks for metrics all the time has the log looked at once a minute', () => {
  let [looks, time] = [0, 0]
  const problems = watchLogProblems(
    () => {
      looks++
      return { lines: 1, unfolded: 1, problems: [] }
    },
    () => time,
  )
  for (; time < 600_000; time += 50) problems({ log: 'kept' })
  assert.equal(looks, 10)
  problems({ log: 'required' })
  assert.equal(looks, 11, 'the policy is another')
})

test("a file in place of an audit's metrics that has anything else in it is left out", () => {
  const good = auditMetricsText(SMALL_AUDIT)
  for (const [text, isTaken] of [
    [good, true],
    [`${good}nixsig_verdicts_total 7\n`, false],
    [`${good}# HELP other x\n`, false],
    [good.slice(0, -1), false],
    [good.replace('0.1.0', '\u001b[2J'), false],
    [good + 'nixsig_audit_x 1\n'.repeat(9000), false],
    ['', false],
  ] as const) {
    writeFileSync(join(state, 'audit.prom'), text)
    assert.equal(auditMetrics(state), isTaken ? text : '')
  }
})

test("an audit's numbers are those of a count made another way", () => {
  for (let seed = 0; seed < 40; seed++) {
    const audit = randomAudit(seed, { paths: 40 })
    const text = auditMetricsText(audit)
    const sum = (name: string) =>
      [...text.matchAll(new RegExp(`^nixsig_${name}(?:\\{.*\\})? (\\d+)$`, 'gm'))].reduce(
        (all, [, one]) => all + Number(one),
        0,
      )
    assert.equal(sum('audit_paths'), audit.paths.filter(({ part }) => part === 'closure').length)
    assert.equal(sum('audit_refused_paths'), audit.paths.filter(({ group }) => group !== undefined).length)
    assert.equal(sum('audit_altered_paths'), audit.disk.differing.length)
    assert.equal(sum('audit_timestamp_seconds'), audit.time)
    assert.equal(sum('audit_weakest_key_paths'), audit.weakest?.falls ?? 0)
  }
})

const hasPromtool = spawnSync('promtool', ['--version']).status === 0

test('promtool, where it is installed, finds nothing wrong', () => {
  if (!hasPromtool) return
  const check = (args: readonly string[], input = '') =>
    spawnSync('promtool', args, { cwd: MONITORING, input, encoding: 'utf8' })
  for (const text of [gateText(), auditMetricsText(randomAudit(1, { hostile: 'texts' }))]) {
    const { status, stdout, stderr } = check(['check', 'metrics'], text)
    assert.equal(`${stdout}${stderr}`, '')
    assert.equal(status, 0)
  }
  for (const args of [
    ['check', 'rules', 'nixsig-alerts.yaml'],
    ['test', 'rules', 'nixsig-alerts.test.yaml'],
  ]) {
    const { status, stdout, stderr } = check(args)
    assert.equal(status, 0, stdout + stderr)
  }
})
