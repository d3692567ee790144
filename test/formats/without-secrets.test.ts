// URLs are shown without users, passwords and secret parameters, and otherwise as they are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { REDACTED, withoutSecrets, withoutSecretsIn } from '../../src/formats/without-secrets.ts'

for (const [url, shown] of [
  ['https://example.org/a.tar.gz?v=1#x', 'https://example.org/a.tar.gz?v=1#x'],
  ['https://ann:pass@example.org/a', 'https://example.org/a'],
  ['https://ann@example.org', 'https://example.org'],
  ['https:ann:pass@example.org/a', 'https:example.org/a'],
  ['https://a@b:c@example.org/@d?e@f', 'https://example.org/@d?e@f'],
  ['git+ssh://git@example.org/x', 'git+ssh://example.org/x'],
  ['https://e.org/?token=a&v=1&Key=b', 'https://e.org/?token=REDACTED&v=1&Key=REDACTED'],
  ['https://e.org/?private%5Ftoken=a', 'https://e.org/?private%5Ftoken=REDACTED'],
  ['https://e.org/?%74oken=a', 'https://e.org/?%74oken=REDACTED'],
  ['https://e.org/?sig=a&design=b&SIG=c', 'https://e.org/?sig=REDACTED&design=b&SIG=REDACTED'],
  ['s3://bucket?access-key=a&region=eu', 's3://bucket?access-key=REDACTED&region=eu'],
  [
    'https://e.org/?X-Amz-Date=1&x-amz-credential=2',
    'https://e.org/?X-Amz-Date=REDACTED&x-amz-credential=REDACTED',
  ],
  ['https://e.org/?a=1;token=x;y', 'https://e.org/?a=1;token=REDACTED'],
  ['https://e.org/#access_token=x', 'https://e.org/#access_token=REDACTED'],
  [
    'https://e.org/?to=https%3A%2F%2Fa%3Ab%40f.org%2F%3Ftoken%3Dx&v=1',
    'https://e.org/?to=https%3A%2F%2Ff.org%2F%3Ftoken%3DREDACTED&v=1',
  ],
  [' https://ann:pass@example.org/a', ' https://example.org/a'],
  ['\u0000https:ann:pass@example.org/a', '\u0000https:example.org/a'],
  ['ht\ttps://ann:pass@example.org/a', 'https://example.org/a'],
  ['https://example.org/\ta', 'https://example.org/\ta'],
  ['path:./a@b?token=x', 'path:./a@b?token=x'],
  ['not a url', 'not a url'],
] as const)
  test(`${url} is shown as ${shown}`, () => assert.equal(withoutSecrets(url), shown))

for (const [text, told] of [
  ['from https://ann:p(a"s\'s@e.org/x, and (ftp://b@f.org)', 'from https://e.org/x, and (ftp://f.org)'],
  ['://https://ann:pass@e.org', '://https://e.org'],
  ['1-x+https://ann@e.org 1://ann@e.org', '1-x+https://e.org 1://ann@e.org'],
  ['"https://e.org" by ann@example.org', '"https://e.org" by ann@example.org'],
  [
    'https://e.org?token=x>https://e.org?token=y',
    'https://e.org?token=REDACTED>https://e.org?token=REDACTED',
  ],
] as const)
  test(`in a text: ${text}`, () => assert.equal(withoutSecretsIn(text), told))

const safe = fc.stringMatching(/^[a-z0-9._~-]{1,12}$/)
const secret = fc.stringMatching(/^S3CR3T[A-Za-z0-9._~!*%@:;,]{0,12}$/)
const secretName = fc
  .tuple(
    fc.constantFrom('', 'x-', 'private_', 'my.'),
    fc.constantFrom(
      'token',
      'key',
      'signature',
      'sig',
      'password',
      'credential',
      'X-Amz-Security',
      'client_secret',
    ),
    fc.array(fc.boolean(), { minLength: 24, maxLength: 24 }),
    fc.boolean(),
  )
  .map(([before, name, upper, isEscaped]) => {
    const cased = [...`${before}${name}`].map((one, at) => (upper[at] ? one.toUpperCase() : one)).join('')
    return isEscaped ? `%${(cased.codePointAt(0) ?? 0).toString(16)}${cased.slice(1)}` : cased
  })
const harmless = fc.tuple(fc.constantFrom('v', 'ref', 'region', 'design', 'h'), safe)
const userInfo = fc.option(fc.tuple(secret, fc.option(secret, { nil: undefined })), { nil: undefined })
const parameter = fc.oneof(
  harmless.map(pair => ({ pair, isSecret: false })),
  fc
    .tuple(
      secretName,
      secret.map(text => text.replaceAll('&', '')),
    )
    .map(pair => ({ pair, isSecret: true })),
)

const parts = fc.record({
  scheme: fc.constantFrom('https', 'http', 'ftp', 'git+ssh', 'mirror', 'HTTPS'),
  userInfo,
  host: safe,
  path: fc.array(safe, { maxLength: 3 }).map(all => all.map(one => `/${one}`).join('')),
  query: fc.array(parameter, { maxLength: 4 }),
})

test('property: no secret is shown, all else is, and what was shown is shown the same again', () => {
  fc.assert(
    fc.property(parts, ({ scheme, userInfo, host, path, query }) => {
      const user = userInfo === undefined ? '' : `${userInfo.filter(one => one !== undefined).join(':')}@`
      const asked = query.map(({ pair: [name, value] }) => `${name}=${value}`).join('&')
      const url = `${scheme}://${user}${host}${path}${asked === '' ? '' : `?${asked}`}`
      const shown = withoutSecrets(url)
      assert.ok(!shown.includes('S3CR3T'), shown)
      const left = query.map(({ pair: [name, value], isSecret }) => `${name}=${isSecret ? REDACTED : value}`)
      assert.equal(shown, `${scheme}://${host}${path}${left.length === 0 ? '' : `?${left.join('&')}`}`)
      assert.equal(withoutSecrets(shown), shown)
      assert.equal(withoutSecretsIn(`fetched from "${url}" (twice)`), `fetched from "${shown}" (twice)`)
    }),
    { numRuns: 2000 },
  )
})

test('property: any text is shown in time, and never longer than it may get', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 2000 }),
      fc.constantFrom('', 'https://', 'https:', '?', '&;=%@'),
      (text, start) => {
        const shown = withoutSecretsIn(withoutSecrets(`${start}${text}`))
        assert.equal(withoutSecrets(withoutSecrets(shown)), withoutSecrets(shown))
      },
    ),
    { numRuns: 2000 },
  )
  const began = performance.now()
  for (const long of [
    `https://${'@'.repeat(100_000)}`,
    `https://x?${';='.repeat(50_000)}`,
    'a'.repeat(100_000),
    `://${'a'.repeat(100_000)}`,
    '://'.repeat(50_000),
    'a://"'.repeat(50_000),
    `${'://'.repeat(50_000)}${'a'.repeat(50_000)}`,
    `a://${'"@'.repeat(50_000)}`,
  ])
    withoutSecretsIn(withoutSecrets(long))
  assert.ok(performance.now() - began < 1000)
})
