// `nixsig fleet report` with audits of three machines with real Nix: one has other bytes, one another
// policy. What differs comes first.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditMetrics } from '../../src/gate/standing-metrics.ts'
import { commandsOf } from '../docs/markdown.ts'
import { runAll } from '../docs/page.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import * as nix from '../support/expressions.ts'
import { assertSchema } from '../support/schema.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { OLDEST, type Version, type World, withWorld } from '../support/world.ts'

const ALICE = signer('alice')
const SANDBOX = { 'sandbox-paths': '/bin/sh=/bin/busybox /srv' }
const NIXSIG = '/opt/nixsig/nixsig'

/** The same derivation on each machine, whose build looks at what lies beside it. */
const TREE = nix.withInputs('tree', [
  nix.derivation('same'),
  nix.derivation('other', { build: 'if [ -e /srv/odd ]; then echo odd; else echo even; fi > $out' }),
])

interface Machine {
  readonly name: string
  readonly isOdd?: true
  /** Who has to have built an output; it only warns then. */
  readonly builder?: string
}

/** What a machine says of what it built. */
async function audited(version: Version, { name, isOdd, builder }: Machine): Promise<string> {
  let json = ''
  await withWorld(version, { nixConf: SANDBOX }, async world => {
    const output = builder ?? 'self'
    const rest = byDefault('nothing', 'nothing', output)
    await setPolicy(world, policyText({ alice: [ALICE] }, rest, builder === undefined ? 'enforce' : 'warn'))
    if (isOdd) world.write('/srv/odd', '')
    world.write('/root/tree.nix', TREE)
    await world.output('nix-build -o /root/result /root/tree.nix')
    json = await auditOn(world, name)
    if (name !== 'web-1') return
    await world.output(`ln -s ${NIXSIG} /usr/local/bin/nixsig; mkdir -p /var/lib/prometheus-node-exporter`)
    await runAll(world, commandsOf('docs/how-to/monitoring.md', 'From audits'))
    assert.ok(world.read('/var/lib/prometheus-node-exporter/nixsig.prom').startsWith('# HELP nixsig_audit_'))
  })
  return json
}

async function auditOn(world: World, name: string): Promise<string> {
  const audit = `hostname ${name}; exec ${NIXSIG} audit /root/result --json --metrics /root/audit.prom`
  const { stdout, stderr } = await world.run(['unshare', '--uts', 'sh', '-c', audit])
  assert.ok(stdout.startsWith('{"format":"nixsig-audit-1"'), stdout + stderr)
  assertSchema('audit', stdout)
  assert.match(auditMetrics(world.path('/root')), /^nixsig_audit_paths\{outcome="\w+"\} 3$/m)
  return stdout
}

for (const version of OLDEST) {
  test(`${version}: three machines, of which one has other bytes and one another policy`, async () => {
    const audits = [
      await audited(version, { name: 'web-1' }),
      await audited(version, { name: 'web-2', isOdd: true }),
      await audited(version, { name: 'web-3', builder: 'alice' }),
    ]
    await withWorld(version, {}, async world => {
      for (const [index, audit] of audits.entries()) world.write(`/root/audits/${index}.json`, audit)
      const told = await world.run(`${NIXSIG} fleet report /root/audits --html /srv/fleet.html`)
      assert.equal(told.status, 13, told.stdout + told.stderr)
      const at = (text: string) => {
        const place = told.stdout.indexOf(text)
        assert.ok(place >= 0, `${text} in ${told.stdout}`)
        return place
      }
      const order = [
        'Different bytes under one path (1)',
        '-other\n',
        'Policies that differ (2)',
        'Paths that some machines trust and others refuse',
        'Machines that refuse nothing (1)\n  web-3: its policy only warns',
        'Machines\n',
      ].map(at)
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
        told.stdout,
      )
      assert.match(told.stdout, /[0-9a-f]{64} on web-1, web-3; built by web-1/)
      assert.match(told.stdout, /[0-9a-f]{64} on web-2; built by web-2/)
      assert.match(told.stdout, /3 paths: trusted on web-1, web-2, refused on web-3/)
      assert.match(world.read('/srv/fleet.html'), /Different bytes under one path \(1\)/)

      await world.output(`ln -s ${NIXSIG} /usr/local/bin/nixsig`)
      await runAll(world, commandsOf('docs/how-to/fleet-report.md', 'Look at the report'))
      const json = await world.run(`${NIXSIG} fleet report /root/audits --json --fail-on never`)
      assert.equal(json.status, 0, json.stderr)
      assertSchema('fleet-report', json.stdout)
      const { machines } = JSON.parse(json.stdout) as { machines: { name: string }[] }
      assert.deepEqual(
        machines.map(({ name }) => name),
        ['web-1', 'web-2', 'web-3'],
      )
    })
  })
}

everyBlockWasRun('e2e/fleet-report')
