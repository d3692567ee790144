// The disk of the state directory is full from one write of a hook on, for each of its writes: the
// build is refused with a reason or judged as ever, no entry is half there, and afterwards
// everything works.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readAdmission } from '../../src/ledger/admissions.ts'
import { listExpected, readExpected } from '../../src/ledger/expected.ts'
import * as nix from '../support/expressions.ts'
import { instantiate, isInLedger, isValid, nixBuild } from '../support/scene.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { OLDEST, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'
const TOLD = '/srv/was-full'
/** More calls than a hook makes. */
const MOST = 200

/** Has a hook run on a disk that is full from a certain call on; 0: never. */
function wrap(world: World, hook: 'pre-build-hook' | 'post-build-hook', at: number): void {
  const full = at === 0 ? '' : `LD_PRELOAD=/opt/full-disk.so STATE=${STATE} AT=${at} TOLD=${TOLD} `
  const run = `${full}exec node /opt/nixsig/${hook} "$@"`
  world.write(`/opt/wrapped/${hook}`, `#!/bin/sh\nexport NODE_OPTIONS=\n${run} 2>>/srv/log\n`, 0o755)
}

async function prepare(world: World): Promise<void> {
  const source = join(PROJECT_ROOT, 'test/support/full-disk.c')
  const made = spawnSync('cc', ['-shared', '-fPIC', '-o', world.path('/opt/full-disk.so'), source, '-ldl'], {
    encoding: 'utf8',
  })
  assert.equal(made.status, 0, made.stderr)
  await setPolicy(world, policyText({ bob: [signer('bob')] }, byDefault('nothing', 'nothing', 'self')))
  for (const hook of ['pre-build-hook', 'post-build-hook'] as const) wrap(world, hook, 0)
  await world.output(
    `sed -i "s,^\\(p[a-z]*-build-hook\\).*,\\1 = /opt/wrapped/\\1," /etc/nix/nix.conf; mkdir -p ${STATE}`,
  )
  await instantiate(world, nix.derivation('before'))
  assert.equal((await nixBuild(world)).status, 0)
}

/** Reads every entry of the ledger, expectation and attestation; each has to be whole. */
function assertWhole(world: World): void {
  const state = world.path(STATE)
  const files = readdirSync(join(state, 'ledger'), { recursive: true, withFileTypes: true })
  for (const { name } of files.filter(file => file.isFile())) {
    assert.doesNotMatch(name, /~$/, 'a part of an entry was left behind')
    const text = world.read(`${STATE}/ledger/${name.slice(0, 2)}/${name}`)
    const path = / (\/nix\/store\/\S+) /.exec(text)?.[1] ?? assert.fail(JSON.stringify(text))
    assert.notEqual(readAdmission(state, name, path), undefined)
  }
  for (const digest of listExpected(state)) assert.notEqual(readExpected(state, digest), undefined)
  const attested = join(state, 'attestations')
  const lines = readdirSync(attested, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.intoto.jsonl'))
    .flatMap(name => readFileSync(join(attested, name), 'utf8').split(/(?<=\n)/))
  for (const line of lines.filter(text => text !== ''))
    assert.match(line, /^\{.*\}\n$/, 'a part of an attestation was left behind')
}

for (const version of OLDEST) {
  for (const hook of ['pre-build-hook', 'post-build-hook'] as const) {
    test(`${version}: fault: the disk is full from any write of the ${hook} on`, context =>
      withWorld(version, { resident: 'none' }, async world => {
        await prepare(world)
        let calls = 0
        for (; calls < MOST; calls++) {
          const { out } = await instantiate(world, nix.derivation(`full-${calls}`))
          await world.output(`rm -f ${TOLD} /srv/log`)
          wrap(world, hook, calls + 1)
          const { status, stderr } = await nixBuild(world)
          const isHit = world.exists(TOLD)
          wrap(world, hook, 0)
          assertWhole(world)
          if (status !== 0) {
            const said = stderr + (world.exists('/srv/log') ? world.read('/srv/log') : '')
            assert.doesNotMatch(said, /^ +at |Node\.js v/m)
            assert.match(said, /nixsig: .*no space left.*\bnext: /is)
            if (hook === 'pre-build-hook') assert.equal(await isValid(world, out), false)
          }
          // What was not recorded is judged the next time.
          assert.equal((await nixBuild(world)).status, 0)
          assert.equal(await isValid(world, out), true)
          await instantiate(
            world,
            nix.derivation(`uses-${calls}`, { inputs: [nix.derivation(`full-${calls}`)] }),
          )
          assert.equal((await nixBuild(world)).status, 0)
          assert.equal(isInLedger(world, out), true, `call ${calls + 1}`)
          if (!isHit) break
        }
        assert.ok(calls > 3 && calls < MOST, String(calls))
        context.diagnostic(`${calls} calls of the ${hook}`)
      }))
  }
}
