// The store plugin's lines of the decision log, written by real Nix: each way in, a log that cannot
// be written, and many writers at once, some of which are killed.
// takes: 1 minute
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Line, parseLine } from '../../src/decisions/parse-line.ts'
import { logPlaces } from '../../src/decisions/places.ts'
import { linesFrom } from '../../src/decisions/read.ts'
import { verifyLog } from '../../src/decisions/verify.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { writeAdmission } from '../../src/ledger/admissions.ts'
import { writerProgram } from '../support/decisions/writer.ts'
import * as nix from '../support/expressions.ts'
import { IMPORT, isValid, refuses, rememberPolicy, STATE, withPlugin } from '../support/plugin-world.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { NEWEST, OLDEST, type World } from '../support/world.ts'

const LOG = `${STATE}/decisions`
const OTHER = '/srv/other'

type PluginLine = Extract<Line, { kind: 'decision' }>

/** The plugin's lines, of a log that is found to be whole. */
function lines(world: World): readonly PluginLine[] {
  const places = logPlaces(world.path(STATE))
  const { faults } = verifyLog(places, { checkpoints: [], key: undefined })
  assert.deepEqual(faults, [])
  const all = [...linesFrom(places, 0)].map(({ bytes }) => parseLine(bytes?.toString('latin1') ?? ''))
  return all.filter(line => line.kind === 'decision').filter(line => line.door === 'plugin')
}

/** The plugin's last line, as the words that tell most. */
function last(world: World): string {
  const { path, outcome, letIn, ground, mode, asker } = lines(world).at(-1) ?? assert.fail('no line')
  return [path.slice(44), outcome, letIn ? 'let in' : 'kept out', ground, mode, asker].join(', ')
}

/** Admits what `/srv/NAME` has under the policy in force. Returns its path. */
async function admit(world: World, name: string, policy: string): Promise<string> {
  const path = await world.output(`ls -d ${OTHER}/nix/store/*-${name} | sed s,^${OTHER},,`)
  const hash = await world.output(`nix-store --store ${OTHER} -q --hash ${path}`)
  const narHash = await world.output(
    `nix-hash --type sha256 --to-base16 ${hash.replace('sha256:', '')} 2>/dev/null`,
  )
  writeAdmission(world.path(STATE), parseStorePath(path).digest, {
    ...{ path, narHash, policy, until: undefined, stamp: undefined, kind: 'output', builtHere: false },
    ...{ derivation: undefined, time: 0, rule: 'default', claims: [], build: undefined },
  })
  return path
}

/** Sets the policy with these settings of the log. Returns its digest. */
async function setLog(world: World, settings: string, mode = 'enforce'): Promise<string> {
  const rest = `${byDefault('nothing', 'nothing', 'self')}[decisions]\n${settings}\n`
  await setPolicy(world, policyText({ someone: [signer('someone')] }, rest, mode))
  return rememberPolicy(world, `under-${serial++}`)
}

let serial = 0

/** Takes a path out of the store again. */
const forget = (world: World, path: string) => world.output(`nix-store --delete ${path}`)

for (const version of [...OLDEST, ...NEWEST]) {
  test(`${version}: what is let in by the ledger, refused, built by a user, or let in with a warning has a line`, () =>
    withPlugin(version, async world => {
      await refuses(world, IMPORT)
      assert.equal(world.exists(LOG), false, 'where no policy is known, no log begins')
      const policy = await setLog(world, 'keep = true')
      const path = await admit(world, 'evil-2', policy)
      await world.output('nix-store --import </srv/evil-2')
      assert.equal(last(world), 'evil-2, trusted, let in, ledger, enforce, root')
      await refuses(world, IMPORT)
      assert.equal(last(world), 'evil, indeterminate, kept out, gate, enforce, root')
      assert.match(lines(world).at(-1)?.message ?? '', /^the ledger does not have it, and nobody answers at/)
      await world.startDaemon()
      world.write('/srv/hers.nix', nix.derivation('hers'))
      await world.output('nix-build --no-out-link /srv/hers.nix', { user: 'alice' })
      assert.equal(last(world), 'hers, trusted, let in, build, enforce, user 1000')
      const before = lines(world)
      world.write('/home/alice/text', 'data has no line')
      await world.output('nix-store --add /home/alice/text', { user: 'alice' })
      assert.equal(lines(world).length, before.length)

      const warned = await setLog(world, 'keep = true', 'warn')
      assert.notEqual(warned, policy)
      await world.output(IMPORT)
      assert.equal(last(world), 'evil, indeterminate, let in, gate, warn, root')
      await setLog(world, 'keep = false')
      const count = lines(world).length
      await refuses(
        world,
        'nix-store --import </srv/evil-3',
        /refused \S+-evil-3: the ledger does not have it/,
      )
      await forget(world, path)
      assert.equal(lines(world).length, count)
    }))

  test(`${version}: attack: a log that cannot be written refuses where the policy makes it a condition, and warns where not`, () =>
    withPlugin(version, async world => {
      const copy = 'nix-store --import </srv/evil-2'
      const refused = (why: string) =>
        new RegExp(
          `refused /nix/store/\\S+-evil-2: the policy makes the decision log a condition .*: ${why}; next: `,
        )
      /** Breaks the log in one way after the other, and mends it. */
      const broken = async (check: (why: string) => Promise<void>) => {
        for (const [fault, remedy, why] of [
          [
            `mount -t tmpfs -o size=16k,mode=700 none ${LOG}; head -c 20k /dev/zero >${LOG}/full 2>/dev/null; true`,
            `umount ${LOG}`,
            '.*No space left on device',
          ],
          [
            `mount --bind ${LOG} ${LOG} && mount -o remount,bind,ro ${LOG}`,
            `umount ${LOG}`,
            '.*Read-only file system',
          ],
          [
            `mv ${LOG} ${LOG}~ && ln -s ${LOG}~ ${LOG}`,
            `rm ${LOG} && mv ${LOG}~ ${LOG}`,
            `${LOG}: (Not a directory|Too many levels of symbolic links)`,
          ],
          [`chmod 777 ${LOG}`, `chmod 700 ${LOG}`, `${LOG} is writable by others`],
        ] as const) {
          await world.output(fault)
          await check(why)
          await world.output(remedy)
        }
      }
      const required = await setLog(world, 'required = true')
      const path = await admit(world, 'evil-2', required)
      await world.output(copy)
      await forget(world, path)
      await broken(async why => {
        await refuses(world, copy, refused(why))
        assert.equal(await isValid(world, path), false)
      })
      await world.output(copy)
      await forget(world, path)
      // A log that is gone begins anew, under another name.
      const name = (text: string) => /"log":"([0-9a-f]{32})"/.exec(text)?.[1] ?? assert.fail(text)
      const first = name(world.read(`${LOG}/open/000000000000`))
      await world.output(`rm -r ${LOG}`)
      await world.output(copy)
      await forget(world, path)
      assert.notEqual(name(world.read(`${LOG}/open/000000000000`)), first)

      await admit(world, 'evil-2', await setLog(world, 'keep = true'))
      await broken(async why => {
        const { status, stderr } = await world.run(copy)
        assert.equal(status, 0, stderr)
        assert.match(
          stderr,
          new RegExp(`warning: the decision log cannot be written, and decisions go on without: ${why}`),
        )
        await forget(world, path)
      })
      await world.output(copy)
      assert.equal(lines(world).at(-1)?.path, path)
    }))

  test(`${version}: ten processes of Nix and Node at once, some of them killed, break no chain`, () =>
    withPlugin(version, async world => {
      const policy = await setLog(world, 'required = true')
      const path = await admit(world, 'evil-2', policy)
      await writerProgram(world.path('/srv'), '../opt/nixsig/prebuilds')
      const copies = (store: number, command: string) =>
        `for n in 1 2 3 4 5 6; do ${command} nix-store --store /s${store}/$n --import </srv/evil-2; done`
      const plain = [1, 2, 3, 4].map(store => copies(store, ''))
      const killed = [5, 6].map(store => copies(store, 'timeout -s KILL 0.0$((n * 2 + 2))'))
      const refusals = [7, 8].map(store => copies(store, '').replace('evil-2', 'evil-3'))
      const node = [9, 10].map(index => `node /srv/writer.cjs ${STATE} node-${index} 300`)
      const outcomes = await Promise.all(
        [...plain, ...killed, ...refusals, ...node].map(command => world.run(`exec 2>/dev/null; ${command}`)),
      )
      for (const index of [0, 1, 2, 3, 8, 9]) assert.equal(outcomes[index]?.status, 0)
      const all = lines(world)
      const admitted = all.filter(line => line.path === path)
      assert.ok(admitted.length >= 24 && admitted.length <= 36, `${admitted.length} lines`)
      assert.equal(all.filter(line => line.path.endsWith('-evil-3')).length, 12)
      assert.equal([...linesFrom(logPlaces(world.path(STATE)), 0)].length > 600, true)
    }))
}
