import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMetrics } from '../../src/gate/metrics.ts'

/** The lines of one metric, without the comments that describe it. */
function samples(text: string, name: string): readonly string[] {
  return text.split('\n').filter(line => line.startsWith(name))
}

test('each metric is described once, before its samples', () => {
  const metrics = openMetrics()
  metrics.count('requests', { endpoint: 'nar', status: '200' })
  const text = metrics.print({ connections: 3 })
  const described = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`)
  assert.deepEqual(described, [
    'nixsig_requests_total counter',
    'nixsig_answers_cached_total counter',
    'nixsig_upstream_answers_total counter',
    'nixsig_verdicts_total counter',
    'nixsig_hook_questions_total counter',
    'nixsig_door_answers_total counter',
    'nixsig_unanswered_total counter',
    'nixsig_upstream_silences_total counter',
    'nixsig_conflicts_total counter',
    'nixsig_request_seconds histogram',
    'nixsig_upstream_seconds histogram',
    'nixsig_connections gauge',
  ])
  const helped = [...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name)
  assert.deepEqual(
    helped,
    described.map(line => line.split(' ')[0]),
  )
  assert.match(
    text,
    /# TYPE nixsig_requests_total counter\nnixsig_requests_total\{endpoint="nar",status="200"\} 1\n/,
  )
  assert.ok(text.endsWith('\n'))
})

test('a counter without labels is told from the start, one with labels once it counts', () => {
  const metrics = openMetrics()
  assert.deepEqual(samples(metrics.print({}), 'nixsig_conflicts'), ['nixsig_conflicts_total 0'])
  assert.deepEqual(samples(metrics.print({}), 'nixsig_verdicts'), [])
  metrics.count('conflicts')
  metrics.count('verdicts', { outcome: 'trusted', code: '' })
  assert.deepEqual(samples(metrics.print({}), 'nixsig_conflicts'), ['nixsig_conflicts_total 1'])
  assert.deepEqual(samples(metrics.print({}), 'nixsig_verdicts'), [
    'nixsig_verdicts_total{outcome="trusted",code=""} 1',
  ])
})

test('labels make one series, in whatever order they are given', () => {
  const metrics = openMetrics()
  metrics.count('requests', { endpoint: 'nar', status: '200' })
  metrics.count('requests', { status: '200', endpoint: 'nar' })
  metrics.count('requests', { endpoint: 'nar', status: '404' })
  assert.deepEqual(samples(metrics.print({}), 'nixsig_requests'), [
    'nixsig_requests_total{endpoint="nar",status="200"} 2',
    'nixsig_requests_total{endpoint="nar",status="404"} 1',
  ])
})

test('a label that a metric does not have is not told, one that is missing is empty', () => {
  const metrics = openMetrics()
  metrics.count('requests', { endpoint: 'nar', address: '192.0.2.1' })
  assert.deepEqual(samples(metrics.print({}), 'nixsig_requests'), [
    'nixsig_requests_total{endpoint="nar",status=""} 1',
  ])
})

test('a label cannot forge another line, nor another label', () => {
  const metrics = openMetrics()
  metrics.count('upstream_answers', { upstream: 'a"} 9\nnixsig_conflicts_total 7\\', result: 'offer' })
  assert.deepEqual(samples(metrics.print({}), 'nixsig_upstream_answers'), [
    'nixsig_upstream_answers_total{upstream="a\\"} 9\\nnixsig_conflicts_total 7\\\\",result="offer"} 1',
  ])
  assert.deepEqual(samples(metrics.print({}), 'nixsig_conflicts'), ['nixsig_conflicts_total 0'])
})

test('a histogram adds up: each bucket has those before it, the last has all', () => {
  const metrics = openMetrics()
  for (const seconds of [0, 0.001, 0.0011, 0.25, 10, 11]) {
    metrics.observe('request_seconds', seconds, { endpoint: 'nar' })
  }
  const lines = samples(metrics.print({}), 'nixsig_request_seconds')
  const buckets = lines.flatMap(line => {
    const [, end, count] =
      /^nixsig_request_seconds_bucket\{endpoint="nar",le="(.+)"\} (\d+)$/.exec(line) ?? []
    return end === undefined ? [] : [`${end}:${count}`]
  })
  assert.deepEqual(buckets, [
    ...['0.001:2', '0.0025:3', '0.005:3', '0.01:3', '0.025:3', '0.05:3', '0.1:3', '0.25:4'],
    ...['0.5:4', '1:4', '2.5:4', '5:4', '10:5', '+Inf:6'],
  ])
  assert.deepEqual(lines.slice(-2), [
    `nixsig_request_seconds_sum{endpoint="nar"} ${0 + 0.001 + 0.0011 + 0.25 + 10 + 11}`,
    'nixsig_request_seconds_count{endpoint="nar"} 6',
  ])
})

test('what is no duration is not counted', () => {
  const metrics = openMetrics()
  for (const seconds of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    metrics.observe('upstream_seconds', seconds, { upstream: 'https://a.example' })
  }
  assert.deepEqual(samples(metrics.print({}), 'nixsig_upstream_seconds'), [])
})

test('gauges are told as they are now', () => {
  assert.deepEqual(samples(openMetrics().print({ memory_bytes: 12.5 }), 'nixsig_memory'), [
    'nixsig_memory_bytes 12.5',
  ])
})
