// Attacks by caches, by those between a cache and Nix, and by other users of the machine.
// docs/semantics.md, G2, G4, G8 and G10.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { narOfBytes } from '../../src/formats/nix/nar.ts'
import { cachedPath, writeCache } from '../support/cache-of-many.ts'
import { eventually } from '../support/eventually.ts'
import * as nix from '../support/expressions.ts'
import { GATE_STATE } from '../support/gate-process.ts'
import { ALPHA, BETA, type GatedWorld, MALLORY, stock, withGatedWorld } from '../support/gated-world.ts'
import { instantiate } from '../support/scene.ts'
import { POLICY } from '../support/trust.ts'
import { VERSIONS } from '../support/world.ts'

const HELLO = cachedPath('hello', 'hello\n', [ALPHA])
const OTHER = cachedPath('other', 'other\n', [ALPHA])
const NARINFO = `${HELLO.digest}.narinfo`

/** A good narinfo made into something else, and what is said of it. */
const GARBAGE: Readonly<Record<string, readonly [change: (text: string) => string, reason: RegExp]>> = {
  'the narinfo of another path': [() => OTHER.narinfo, /it is about another path: .*-other/],
  'a field twice': [text => `${text}NarSize: 8\n`, /NarSize says something else again/],
  'a field that hides the next': [
    text => text.replace('NarSize:', 'Trust:\nNarSize:'),
    /NarSize is read in two ways/,
  ],
  'a store elsewhere': [
    text => text.replace('/nix/store/', '/nix/evil/'),
    /StorePath: .*not in \/nix\/store/,
  ],
  'control characters': [text => text.replace('StorePath: ', 'StorePath: \u001b[2J'), /not in \/nix\/store/],
  'no end': [text => text.slice(0, -1), /the last line breaks off/],
  'ten megabytes': [text => text + 'Sig: x\n'.repeat(1_500_000), /more than 1048576 bytes/],
  'a NAR on another host': [text => text.replace('URL: ', 'URL: http://192.0.2.1/'), /its URL is not below/],
  'a NAR in a file of this machine': [
    text => text.replace(/URL: .*/, 'URL: file:///etc/shadow'),
    /its URL is not below/,
  ],
  'a NAR further up': [text => text.replace('URL: ', 'URL: ../'), /its URL has steps in it that lead out/],
  'contents that it does not have': [
    text => `${text}CA: fixed:r:sha256:${'0'.repeat(52)}\n`,
    /CA: its path is not the one that these contents have/,
  ],
}

async function assertRefused(
  { realise, isValid, admission }: GatedWorld,
  path: string,
  reason: RegExp,
): Promise<void> {
  const { status, stderr } = await realise(path)
  assert.notEqual(status, 0)
  assert.match(stderr, reason)
  assert.equal(await isValid(path), false)
  assert.equal(admission(path), undefined)
}

/** The last word about an answer that cannot be read; lines of the log come a little late. */
async function assertTold({ gate }: GatedWorld, reason: RegExp): Promise<void> {
  const told = () =>
    gate
      .log()
      .split('\n')
      .findLast(line => line.includes('an answer that cannot be read'))
  await eventually(
    () => `${reason} in ${told()}`,
    () => reason.test(told() ?? ''),
  )
}

for (const version of VERSIONS) {
  const gated = (name: string, use: (world: GatedWorld) => Promise<void>) =>
    test(`${version}: attack: ${name}`, () => withGatedWorld(version, 'on-no-answer = "fail"', use))

  gated('a cache answers garbage, and no other one has the path: refused with its name', async world => {
    const [cache] = world.caches
    for (const [what, [change, reason]] of Object.entries(GARBAGE)) {
      cache.files.set(NARINFO, change(HELLO.narinfo))
      await assertRefused(world, HELLO.path, reason)
      const { stderr } = await world.realise(HELLO.path)
      assert.ok(stderr.includes(`${cache.url}: `), `${what}: ${stderr}`)
      assert.doesNotMatch(stderr, /\u001b\[2J/)
    }
  })

  gated('a cache answers garbage, and takes nobody else’s word away', async world => {
    const [cache, other] = world.caches
    stock(other, HELLO)
    for (const [what, [change, reason]] of Object.entries(GARBAGE)) {
      cache.files.set(NARINFO, change(HELLO.narinfo))
      await world.world.output('/opt/nixsig/nixsig reload')
      const { status, stderr } = await world.realise(HELLO.path)
      assert.equal(status, 0, `${what}: ${stderr}`)
      await assertTold(world, reason)
      await world.world.output(`nix-store --delete ${HELLO.path}; rm -r ${GATE_STATE}/ledger`)
    }
  })

  gated('an older narinfo is replayed: it is a side like any other', async world => {
    stock(world.caches[0], cachedPath('hello', 'hello, with a hole\n', [ALPHA]))
    stock(world.caches[1], HELLO)
    await assertRefused(world, HELLO.path, /binary caches disagree/)
  })

  gated('signatures are stripped on the way, or made over other references', async world => {
    await world.trust(2)
    const both = cachedPath('hello', 'hello\n', [ALPHA, BETA])
    stock(world.caches[0], both)
    world.caches[0].files.set(NARINFO, both.narinfo.replace(/Sig: beta.*\n/, ''))
    await assertRefused(world, HELLO.path, /found 1 \(alpha\)/)
    const more = both.narinfo.replace('References: ', `References: ${OTHER.path.slice('/nix/store/'.length)}`)
    world.caches[0].files.set(NARINFO, more)
    await world.world.output('/opt/nixsig/nixsig reload')
    await assertRefused(world, HELLO.path, /a signature that does not verify \(alpha-1/)
  })

  gated('the NAR is another one than was judged: Nix itself refuses it', async world => {
    stock(world.caches[0], HELLO)
    world.caches[0].files.set(HELLO.url, narOfBytes(Buffer.from('evil!\n'), false))
    const { status, stderr } = await world.realise(HELLO.path)
    assert.notEqual(status, 0)
    assert.match(stderr, /hash mismatch/)
    assert.equal(await world.isValid(HELLO.path), false)
  })

  gated('a trusted path refers to one that is not: nothing of it becomes valid', async world => {
    const bad = cachedPath('bad', 'bad\n', [MALLORY])
    const top = cachedPath('top', bad.path, [ALPHA], { references: [bad.path, OTHER.path] })
    stock(world.caches[0], top, bad, OTHER)
    const { status, stderr } = await world.realise(top.path)
    assert.notEqual(status, 0)
    assert.match(stderr, /-bad \(output\) .*found only signers who are not in the trusted list \(mallory-1\)/)
    for (const { path } of [top, bad]) assert.equal(await world.isValid(path), false)

    world.caches[0].asked.length = 0
    await world.world.output(
      `nix-store --delete --ignore-liveness ${OTHER.path}; rm -rf ${GATE_STATE}/ledger`,
    )
    const verify = `/opt/nixsig/nixsig verify --recursive ${top.path} --from ${world.caches[0].url}`
    const judged = await world.world.run(verify)
    assert.equal(judged.status, 11)
    assert.match(judged.stdout, /^trusted .*-top .*\nrefused .*-bad .*\n.*mallory-1.*\n.*\ntrusted .*-other /)
    const good = await world.world.run(verify.replace(top.path, OTHER.path))
    assert.equal(good.status, 0, good.stdout)
    const narinfos = [top, bad, OTHER, OTHER].map(({ digest }) => `${digest}.narinfo`)
    const asked = world.caches[0].asked.filter(name => name !== 'nix-cache-info')
    assert.deepEqual(asked.sort(), narinfos.sort(), 'nothing was downloaded')
    for (const { path } of [top, bad, OTHER]) {
      assert.equal(await world.isValid(path), false)
      assert.equal(world.admission(path), undefined)
    }
  })

  gated(
    'a path that is named by its contents needs no signature in Nix, and is judged all the same',
    async world => {
      const { world: machine, caches } = world
      machine.write('/srv/plain', 'anybody can make this\n')
      const path = await machine.output('nix-store --add /srv/plain')
      await machine.output(`nix copy --to file:///srv/ca ${path}; nix-store --delete ${path}`)
      const policy = machine.read('/etc/nixsig/policy.toml')
      const withDirectory = policy.replace(`"${caches[0].url}"`, '"file:///srv/ca"')
      machine.write(
        '/etc/nixsig/policy.toml',
        withDirectory.replace('source = "nothing"', 'source = "alpha"'),
      )
      await assertRefused(world, path, /\(fetched source\) .*needs alpha for its source, found no signature/)
      machine.write('/etc/nixsig/policy.toml', withDirectory)
      assert.equal((await world.realise(path)).status, 0)
    },
  )

  gated(
    'a cache sends the gate on to another server: it asks there, and tells nobody a password',
    async world => {
      const { world: machine, caches } = world
      const [cache, hidden] = caches
      stock(hidden, HELLO)
      cache.redirection = hidden.url
      machine.write('/etc/nixsig/token', 'Bearer secret\n', 0o600)
      const upstream = `{ url = "${cache.url}", authorization = "token" }`
      machine.write(POLICY, machine.read(POLICY).replace(/upstreams = .*/, `upstreams = [${upstream}]`))
      assert.equal((await world.realise(HELLO.path)).status, 0)
      assert.ok(hidden.asked.includes(NARINFO) && hidden.asked.includes(HELLO.url))
      assert.deepEqual(hidden.passwords, [])
      assert.deepEqual([...new Set(cache.passwords)], ['Bearer secret'])
    },
  )

  gated(
    'who made a path is not for the cache to say: a trusted derivation that does not make it',
    async world => {
      const { world: machine, caches } = world
      machine.write(POLICY, machine.read(POLICY).replace('accept-unknown-derivation = true', ''))
      const { drv } = await instantiate(machine, nix.derivation('trusted'))
      stock(caches[0], cachedPath('hello', 'hello\n', [ALPHA], { deriver: drv }))
      await assertRefused(world, HELLO.path, /undecided .*its derivation is not in this store/)
    },
  )

  gated('what a gate signed counts for nothing, even if it was this very gate', async world => {
    const { world: machine, caches, gate } = world
    stock(caches[0], HELLO)
    const lines = (await machine.output(`curl -s ${gate.url}/${NARINFO}`)).split('\n')
    assert.equal(lines.filter(line => /^Sig: (?:alpha-1|.*-gate-1):/.test(line)).length, 2)
    const onlyGate = lines.filter(line => !line.startsWith('Sig: alpha')).map(line => `${line}\n`)
    caches[0].files.set(NARINFO, onlyGate.join(''))
    await machine.output(`rm -r ${GATE_STATE}/ledger; /opt/nixsig/nixsig reload`)
    await assertRefused(world, HELLO.path, /found only signers who are not in the trusted list \(.*-gate-1\)/)
  })

  gated('a ticket for one file of a cache opens no other', async ({ world, gate }) => {
    writeCache(world.path('/srv/cache'), [HELLO])
    world.write('/srv/cache/private', 'private\n')
    world.write(POLICY, world.read(POLICY).replace(/upstreams = .*/, 'upstreams = ["file:///srv/cache"]'))
    const get = (path: string) => world.output(`curl -s -o /srv/got -w '%{http_code}' ${gate.url}/${path}`)
    const { stdout } = await world.run(`curl -s ${gate.url}/${NARINFO}`)
    const ticket = /^URL: (.*)$/m.exec(stdout)?.[1] ?? assert.fail(stdout)
    assert.equal(await get(ticket), '200')
    assert.deepEqual(readFileSync(world.path('/srv/got')), Buffer.from(HELLO.nar))
    const [nar, what = '', signature = ''] = ticket.split('/')
    const inside = Buffer.from(what, 'base64url').toString()
    assert.ok(inside.endsWith(HELLO.url))
    const forged = [
      [nar, Buffer.from(inside.replace(HELLO.url, 'private')).toString('base64url'), signature],
      [nar, what, signature.replace(/^./, first => (first === 'A' ? 'B' : 'A'))],
      [nar, what],
    ]
    for (const parts of forged) assert.equal(await get(parts.join('/')), '404', parts.join('/'))
    world.write(POLICY, world.read(POLICY).replace('file:///srv/cache', 'file:///srv/other'))
    assert.equal(await get(ticket), '404', 'of a cache that the policy no longer names')
  })

  gated('a user who is not trusted names caches and keys of his own', async ({ world, caches, isValid }) => {
    const evil = cachedPath('hello', 'evil\n', [MALLORY])
    stock(caches[2], evil)
    caches[2].files.set('nix-cache-info', 'StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 1\n')
    const options = `--option substituters ${caches[2].url} --option trusted-public-keys ${MALLORY.publicKey} --option require-sigs false`
    for (const command of [
      `nix-store --realise ${evil.path} ${options}`,
      `nix build --no-link ${evil.path} ${options}`,
      `nix copy --from ${caches[2].url} --no-check-sigs ${evil.path}`,
      `nix copy --from '${caches[2].url}?trusted=1' ${evil.path}`,
    ]) {
      const { status, stderr } = await world.run(command, { user: 'mallory' })
      assert.notEqual(status, 0, command)
      assert.match(
        stderr,
        /HTTP error 451|ignoring untrusted substituter|is not trusted|not privileged|lacks a (?:valid )?signature|ignoring the client-specified/,
        command,
      )
      assert.equal(await isValid(evil.path), false, command)
    }
  })

  gated('what other users of the machine ask gives them nothing', async ({ world, gate, caches }) => {
    stock(caches[0], HELLO)
    const get = async (path: string) =>
      (await world.run(`curl -s --path-as-is -w '%{http_code}' '${gate.url}${path}'`, { user: 'mallory' }))
        .stdout
    for (const path of [
      '/nar/../../etc/shadow',
      '/etc/shadow',
      `/${HELLO.digest}.ls`,
      '/log/../x',
      '/nar/x.nar',
    ]) {
      assert.match(await get(path), /^not here\n404$/)
    }
    for (const path of ['/realisations/sha256:ab!out.doi', '/build-trace-v2/x/out.doi']) {
      assert.match(
        await get(path),
        /^nixsig: refused .*: nobody signs realisations, so none is passed on; next: build it without __contentAddressed\n451$/,
      )
    }
    assert.match(
      await get('/nix-cache-info'),
      /^StoreDir: \/nix\/store\nWantMassQuery: 1\nPriority: 30\n200$/,
    )
    assert.match(await get('/metrics'), /^# HELP nixsig_requests_total /)
    assert.equal(await world.output('stat -c "%a %U" /var/lib/nixsig/gate.secret'), '600 root')
    const reload = await world.run('/opt/nixsig/nixsig reload', { user: 'mallory' })
    assert.equal(reload.status, 2)
    assert.match(reload.stderr, /not reloaded: cannot connect to .*: this user may not/)
  })

  gated('the log of a build is where the first cache has it', async ({ world, gate, caches }) => {
    const name = '0c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg-x.drv'
    caches[1].files.set(`log/${name}`, 'it was built\n')
    const { stdout } = await world.run(`curl -s -L ${gate.url}/log/${name}`)
    assert.equal(stdout, 'it was built\n')
  })
}
