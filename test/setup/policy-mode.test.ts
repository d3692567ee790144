import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PolicyError } from '../../src/policy/language/policy-error.ts'
import { changeMode } from '../../src/setup/policy-mode.ts'

const REST = '[default]\nrequire = { source = "refuse", derivation = "nothing", output = "self" }\n'

function changed(toml: string, mode: 'enforce' | 'warn'): string {
  const source = { toml, file: 'policy.toml', directory: '/etc/nixsig', certificate: () => assert.fail() }
  return changeMode(source, mode).toml
}

test('only the mode changes', () => {
  for (const line of [
    'mode = "warn" # for now',
    'mode="warn"',
    "mode = 'warn'",
    '"mode" = "warn"',
    '\t\'mode\'\t=\t"warn"\t',
    'mode = "warn"\r',
  ]) {
    const toml = `# mode = "warn"\nversion = 1\n${line}\n\n${REST}# the end`
    const expected = toml.replace(line, line.replace(/["']warn["']/, '"enforce"'))
    assert.equal(changed(toml, 'enforce'), expected)
    assert.equal(changed(expected, 'warn'), toml.replace("'warn'", '"warn"'))
  }
})

test('a policy that has this mode stays as it is', () => {
  const toml = `version = 1\nmode = "warn"\n${REST}`
  assert.equal(changed(toml, 'warn'), toml)
})

test('similar words in strings, comments and other tables are not the mode', () => {
  const toml = `version = 1
exemptions = [{ name = "x", reason = """\\
mode = "warn" \\
[default]""", until = 2030-01-01 }]
#mode = "warn"
mode = "warn"
[principals.mode]
keys = ["mode-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU="]
${REST}`
  const lines = changed(toml, 'enforce').split('\n')
  assert.deepEqual(
    lines.flatMap((line, index) => (line === toml.split('\n')[index] ? [] : [[index + 1, line]])),
    [[6, 'mode = "enforce"']],
  )
})

test('a mode that is written in another way is an error with the line', () => {
  for (const value of ['"w\\u0061rn"', '"""warn"""', "'''warn'''"]) {
    assert.throws(
      () => changed(`version = 1\nmode = ${value}\n${REST}`, 'enforce'),
      (error: unknown) =>
        error instanceof PolicyError && error.line === 2 && /write this line as/.test(error.message),
    )
  }
})

test('a text that is not a policy is not changed', () => {
  for (const toml of [
    '',
    `version = 1\n${REST}`,
    `version = 1\nmode = "warn"\nmode = "warn"\n${REST}`,
    `version = 1\nmode = "maybe"\n${REST}`,
    `version = 1\nmode = "warn"\nunknown = 1\n${REST}`,
  ]) {
    assert.throws(() => changed(toml, 'enforce'), PolicyError)
  }
})
