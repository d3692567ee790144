// Counts the system calls that a build costs the gate, so that they cannot grow unnoticed. Also checks
// that a file which another one depends on is flushed to the disk first.
import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { startResident } from '../support/resident.ts'
import { callsOf, type SystemCall } from '../support/strace.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { type World, withWorld } from '../support/world.ts'

const DERIVATIONS = 20
/**
 * For each, one after another with Nix 2.8, whose outputs are copied besides: some more than were
 * counted. Some fifty of the calls, and one flush, are for its lines in the decision log.
 */
const AT_MOST = { calls: 300, fsync: 5, written: 2 }
const KINDS = '%file,%desc'

async function build(world: World, name: string): Promise<readonly string[]> {
  world.write(`/srv/${name}.nix`, nix.all(nix.independent(name, DERIVATIONS)))
  const option = (hook: string) => `--option ${hook} /opt/nixsig/native/${hook}`
  const options = `${option('pre-build-hook')} ${option('post-build-hook')} --option max-jobs 1`
  await world.output(`nix-build --no-out-link ${options} /srv/${name}.nix`, { timeout: 600_000 })
  const drvs = await world.output(`nix-instantiate /srv/${name}.nix 2>/dev/null`)
  return drvs.split('\n')
}

/** Where the one call of this kind that has this in it stands. */
function at(calls: readonly SystemCall[], name: string, part: string | RegExp): number {
  const found = calls.flatMap((call, index) => {
    const has = typeof part === 'string' ? call.text.includes(part) : part.test(call.text)
    return call.name === name && has ? index : []
  })
  assert.equal(found.length, 1, `${name} of ${part}, ${found.length} times`)
  return found[0] ?? Number.NaN
}

/** The next flush of a file or directory after a call. */
function flushOf(calls: readonly SystemCall[], path: RegExp, after: number): number {
  const index = calls.findIndex(({ name, text }, i) => i > after && name === 'fsync' && path.test(text))
  assert.ok(index >= 0, `no flush of ${path} after call ${after}`)
  return index
}

test('the gate asks a bounded number of things of the system for each build, and keeps their order', async () => {
  await withWorld('bookworm', { resident: 'none' }, async world => {
    const rules = byDefault('nothing', 'nothing', 'self')
    await setPolicy(world, policyText({ someone: [signer('someone')] }, rules))
    const resident = await startResident(world)
    try {
      // What is made once, as the machine's key.
      await build(world, 'first')
      let derivations: readonly string[] = []
      const calls = await callsOf(resident.pid(), KINDS, async () => {
        derivations = await build(world, 'counted')
      })
      assert.equal(derivations.length, DERIVATIONS)
      const count = (...names: readonly string[]) =>
        calls.filter(({ name }) => names.includes(name)).length / DERIVATIONS
      const written = calls.filter(({ name, text }) => name === 'rename' && text.includes('/nixsig/ledger/'))
      assert.ok(calls.length / DERIVATIONS <= AT_MOST.calls, `${calls.length / DERIVATIONS} calls a build`)
      // A few flushes belong to no build, where time passes meanwhile.
      assert.ok(count('fsync') <= AT_MOST.fsync + 5 / DERIVATIONS, `${count('fsync')} flushes a build`)
      assert.equal(written.length / DERIVATIONS, AT_MOST.written)
      for (const derivation of derivations) assertOrder(calls, await outputOf(world, derivation))
    } finally {
      await resident.kill()
    }
  })
})

async function outputOf(world: World, derivation: string): Promise<string> {
  return world.output(['nix-store', '--query', '--outputs', derivation])
}

/**
 * The attestation is on the disk before the entry, and the entry before it is forgotten that the
 * output has to be judged.
 */
function assertOrder(calls: readonly SystemCall[], output: string): void {
  const digest = basename(output).slice(0, 32)
  const xx = digest.slice(0, 2)
  const attested = at(calls, 'write', `/attestations/${xx}/${digest}.intoto.jsonl>`)
  const flushed = flushOf(calls, new RegExp(`/attestations/${xx}/${digest}\\.intoto\\.jsonl>`), attested)
  const listed = flushOf(calls, new RegExp(`/attestations/${xx}>`), attested)
  const entry = at(calls, 'write', new RegExp(`/ledger/${xx}/${digest}\\.[^/]*~>`))
  const entryFlushed = flushOf(calls, new RegExp(`/ledger/${xx}/${digest}\\.[^/]*~>`), entry)
  const renamed = at(calls, 'rename', new RegExp(`~", "/var/lib/nixsig/ledger/${xx}/${digest}"`))
  const renamedFlushed = flushOf(calls, new RegExp(`/ledger/${xx}>`), renamed)
  const forgotten = at(calls, 'unlink', `/expected/${digest}"`)
  const order = [attested, flushed, listed, entry, entryFlushed, renamed, renamedFlushed, forgotten]
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
    output,
  )
}
