import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Failure, failureOn, openCampaign } from '../../fuzz/campaign.ts'
import { InterruptedError, interruptible } from '../../fuzz/interrupt.ts'
import { report } from '../../fuzz/report.ts'
import { type Format, formatTarget, type Target, textOf } from '../../fuzz/target.ts'
import { FormatError } from '../../src/primitives/format-error.ts'

const CASES = 500
const forever = Number.POSITIVE_INFINITY

function targetOf(check: Target['check'], extremes: Target['extremes'] = []): Target {
  return {
    name: 'planted',
    seeds: [Buffer.from('a harmless seed')],
    tokens: ['%%', '\u202e'],
    check,
    extremes,
  }
}

/** A format of digits that is parsed and printed correctly; a test plants a bug. */
function formatOf(planted: Partial<Format<string>>): Target {
  const read = (input: Uint8Array) => {
    const [digits] = /^\d+$/.exec(textOf(input)) ?? []
    if (digits === undefined) throw new FormatError('digits', 'not digits', 'offset 0')
    return digits
  }
  return formatTarget({
    name: 'planted',
    seeds: ['123'],
    tokens: ['0', '\u202e'],
    read,
    print: x => x,
    ...planted,
  })
}

async function failuresOf(target: Target): Promise<readonly Failure[]> {
  const campaign = openCampaign(target, 1)
  await campaign.run({ cases: CASES, time: forever })
  assert.equal(campaign.count().cases, CASES)
  return campaign.failures
}

test('a planted bug is caught, shrunk, and reported with how to reproduce it', async () => {
  const target = targetOf(input => {
    if (textOf(input).includes('%%')) throw new TypeError('it is broken')
    return 'accepted'
  })
  const campaign = openCampaign(target, 1)
  await campaign.run({ cases: CASES, time: forever })
  const [failure, ...others] = campaign.failures
  assert.ok(failure)
  assert.equal(others.length, 0)
  assert.match(failure.message, /^TypeError: it is broken\n {4}at /)
  assert.equal(textOf(failure.input), '%%')
  const told = report(campaign, 1)
  assert.ok(told.includes(`FAILED planted, case ${failure.number}, 2 bytes: TypeError: it is broken`), told)
  assert.ok(told.includes(`again: npm run fuzz -- --only 'planted' --input 'JSU='`), told)
  assert.match((await failureOn(target, failure.input)) ?? '', /it is broken/)
  assert.equal(await failureOn(target, Buffer.from('%')), undefined)

  const again = openCampaign(target, 1)
  await again.run({ cases: failure.number - 1, time: forever })
  assert.deepEqual(again.failures, [])
  await again.run({ cases: failure.number, time: forever })
  assert.equal(again.failures.length, 1)
})

test('a bug that only shows in a late answer is caught', async () => {
  const [failure] = await failuresOf(
    targetOf(async input => {
      await Promise.resolve()
      if (input.length < 3) throw new RangeError('too short')
      return 'accepted'
    }),
  )
  assert.match(failure?.message ?? '', /^RangeError: too short/)
})

test('a large failing input is reported by its seed, not in full', async () => {
  const isLarge = (input: Uint8Array) => {
    if (input.length >= 50_000) throw new RangeError('too large')
    return 'accepted'
  }
  const campaign = openCampaign(targetOf(isLarge, [() => 'x'.repeat(50_000)]), 7)
  await campaign.run({ cases: 2, time: forever })
  assert.match(
    report(campaign, 7),
    /case 2, 50000 bytes: RangeError: too large\n.*\n {2}again: .* --seed 7 --cases 2$/,
  )
})

test('a case that leaves too much on the heap is caught', async () => {
  // Otherwise the memory may be freed before it is measured.
  const held: Buffer[] = []
  const [failure] = await failuresOf(
    targetOf(input => {
      if (input.length < 6) held.splice(0, 1, Buffer.alloc(80 * 1024 * 1024))
      return 'accepted'
    }),
  )
  assert.equal(held.length, 1)
  assert.match(failure?.message ?? '', /^CostError: takes more than 48 MiB/)
})

test('a case that takes too long is caught', async () => {
  const slow = targetOf(() => {
    const { user, system } = process.cpuUsage()
    for (let used = process.cpuUsage(); used.user + used.system < user + system + 1_200_000; )
      used = process.cpuUsage()
    return 'accepted'
  })
  assert.match(
    (await failureOn(slow, Buffer.from('x'))) ?? '',
    /^CostError: takes longer than 1000 ms|^InterruptedError/,
  )
})

test('a step that does not end is interrupted', () => {
  const endless = () => {
    for (;;);
  }
  assert.throws(() => interruptible(50, endless), InterruptedError)
  assert.throws(() => interruptible(50, () => /^(a+)+$/.test(`${'a'.repeat(50)}b`)), InterruptedError)
  assert.equal(
    interruptible(50, () => 'done'),
    'done',
  )
})

test('the same seed makes the same cases, another one makes others', async () => {
  const inputsOf = async (seed: number) => {
    const inputs: string[] = []
    const target = targetOf(input => {
      inputs.push(Buffer.from(input).toString('base64'))
      return String(input.length)
    })
    await openCampaign(target, seed).run({ cases: 200, time: forever })
    return inputs
  }
  const first = await inputsOf(1)
  assert.equal(first.length, 200)
  assert.deepEqual(await inputsOf(1), first)
  assert.notDeepEqual(await inputsOf(2), first)
})

test('a format without a fault passes', async () => {
  assert.deepEqual(await failuresOf(formatOf({ oneSpelling: () => true })), [])
})

const FAULTS: readonly (readonly [name: string, planted: Partial<Format<string>>, message: RegExp])[] = [
  [
    'an error that is not declared',
    {
      read: input => {
        if (input.includes(0x30)) throw new TypeError('cannot read properties of undefined')
        return ''
      },
    },
    /^TypeError: cannot read properties of undefined/,
  ],
  [
    'a refusal that quotes its input unescaped',
    {
      read: input => {
        throw new FormatError('digits', `not digits: ${textOf(input)}`, 'offset 0')
      },
    },
    /a message brings unescaped text to the terminal/,
  ],
  [
    'a refusal as long as its input',
    {
      read: input => {
        throw new FormatError('digits', 'x'.repeat(5 * Math.max(1000, input.length)), 'offset 0')
      },
    },
    /a message of \d+ characters/,
  ],
  [
    'a value that is printed as another',
    { print: value => value.replace('7', '8') },
    /reads as another value/,
  ],
  [
    'two spellings',
    { oneSpelling: () => true, print: value => String(Number(value)) },
    /two spellings of a value/,
  ],
  ['a reader that writes to its input', { read: input => String(input.fill(0)) }, /the input was written to/],
  ['a property that does not hold', { also: value => assert.ok(value.length < 5, 'too long') }, /too long/],
]
for (const [name, planted, message] of FAULTS) {
  test(`${name} is caught`, async () => {
    const failures = await failuresOf(formatOf(planted))
    assert.ok(
      failures.some(failure => message.test(failure.message)),
      failures.map(failure => failure.message).join('\n'),
    )
  })
}
