import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { environmentOfNix, runProgram } from '../../hooks/run-program.ts'

const DIRECTORY = mkdtempSync(join(tmpdir(), 'nixsig-run-'))
after(() => rmSync(DIRECTORY, { recursive: true }))

function script(name: string, text: string, mode = 0o755): string {
  const file = join(DIRECTORY, name)
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, mode)
  return file
}

const run = (program: string, limit = 20_000) =>
  runProgram(program, { environment: { PATH: '/usr/bin:/bin', OUT: join(DIRECTORY, 'out') }, limit })

test('it has the environment that it is given, and nothing to read', async () => {
  assert.equal(await run(script('good', 'cat >"$OUT"; env >>"$OUT"; pwd >>"$OUT"')), undefined)
  const text = readFileSync(join(DIRECTORY, 'out'), 'utf8')
  assert.match(text, /^OUT=/m)
  assert.doesNotMatch(text, /^(?:HOME|USER)=/m)
  assert.match(text, /\n\/\n$/)
})

test('a failure is told with its status', async () => {
  assert.equal(await run(script('fails', 'exit 3')), 'ended with status 3')
  assert.equal(await run(script('ends', 'kill -TERM $$')), 'was ended by SIGTERM')
  assert.match(
    (await run(script('nothing', '', 0o644))) ?? '',
    /was not run: .* cannot be executed \(chmod \+x /,
  )
  assert.match((await run(join(DIRECTORY, 'absent'))) ?? '', /was not run: there is no /)
})

test('one that hangs is killed, with what it started', async () => {
  const marker = join(DIRECTORY, 'late')
  const problem = await run(script('hangs', `(sleep 1; touch ${marker}) & wait; sleep 60`), 200)
  assert.equal(problem, 'took longer than 200 ms, and was killed')
  await sleep(1300)
  assert.throws(() => readFileSync(marker), /ENOENT/)
})

test('attack: a program that others can write, or lead elsewhere, is not run', async () => {
  const open = script('open', 'touch "$OUT"', 0o777)
  assert.match((await run(open)) ?? '', /was not run: .*open is writable by others \(chmod go-w/)
  mkdirSync(join(DIRECTORY, 'shared'))
  chmodSync(join(DIRECTORY, 'shared'), 0o777)
  symlinkSync(script('linked', 'exit 0'), join(DIRECTORY, 'shared/link'))
  assert.match((await run(join(DIRECTORY, 'shared/link'))) ?? '', /shared is writable by everybody/)
})

test('Nix’s environment is the one that it was started with, and HOME and USER are never missing', () => {
  mkdirSync(join(DIRECTORY, '7'))
  writeFileSync(join(DIRECTORY, '7/environ'), 'PATH=/nix/bin\0TOKEN=a=b\0=odd\0')
  const { PATH, TOKEN, HOME, USER } = environmentOfNix(7, DIRECTORY)
  assert.deepEqual([PATH, TOKEN], ['/nix/bin', 'a=b'])
  assert.ok(HOME && USER)
  assert.equal(environmentOfNix(8, DIRECTORY)['PATH'], process.env['PATH'])
})
