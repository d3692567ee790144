import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { keepLastAnswers, readLastAnswer } from '../../src/evidence/upstreams/last-answer.ts'
import { readLetIn } from '../../src/ledger/let-in.ts'
import { pathsInUse, type RootPlaces } from '../../src/status/in-use.ts'
import { pathsToJudge } from '../../src/status/to-judge.ts'
import { inTurns } from '../../src/status/turns.ts'
import type { PathInfo } from '../../src/store/store-client.ts'

const dir = realpathSync(mkdtempSync(join(tmpdir(), 'nixsig-status-')))
after(() => rmSync(dir, { recursive: true, force: true }))

/** Places of roots below one directory, and a store beside them. */
function placesIn(name: string): RootPlaces {
  const base = join(dir, name)
  const at = (part: string) => join(base, part)
  for (const part of ['profiles', 'users', 'auto', 'store', 'home']) mkdirSync(at(part), { recursive: true })
  return {
    systems: [at('system')],
    profiles: [at('profiles')],
    users: at('users'),
    links: at('auto'),
    store: at('store'),
  }
}

/** Makes a store path there, and says what it is called in the store. */
function stored({ store }: RootPlaces, name: string): { readonly path: string; readonly file: string } {
  const base = `${createHash('sha1').update(name).digest('hex').slice(0, 32).replaceAll('e', 'z')}-${name}`
  const file = join(store, base)
  mkdirSync(file, { recursive: true })
  return { path: `/nix/store/${base}`, file }
}

/** A link like `./result` of a user, and the root that keeps what it leads to. */
function resultOf(places: RootPlaces, owner: number, name: string, target: string): void {
  const link = join(places.links, '../home', name)
  symlinkSync(target, link)
  lchownSync(link, owner, owner)
  symlinkSync(link, join(places.links, name))
}

function profileOf(places: RootPlaces, owner: number, name: string, targets: readonly string[]): void {
  const directory = join(places.users, name)
  mkdirSync(directory)
  for (const [at, target] of targets.entries()) symlinkSync(target, join(directory, `profile${at}`))
  chownSync(directory, owner, owner)
}

const FEW = { paths: 40, entries: 1000 }
const later = () => performance.now() + 60_000
const [ALICE, BOB] = [3001, 3002]
const isRoot = process.geteuid?.() === 0
const needsRoot = isRoot ? false : 'only root gives files away'

test('attack: roots that lead nowhere, in circles or out of the store are no roots', () => {
  const places = placesIn('nowhere')
  const at = (name: string) => join(places.links, name)
  symlinkSync(at('circle'), at('circle'))
  symlinkSync('/etc/passwd', at('outside'))
  symlinkSync(`${places.store}/../../etc`, at('above'))
  symlinkSync(at('gone'), at('to-gone'))
  writeFileSync(at('file'), '')
  const none = { systems: [], paths: [], left: 0 }
  assert.deepEqual(pathsInUse(later(), places), none)
  const absent = join(dir, 'none')
  assert.deepEqual(
    pathsInUse(later(), { ...places, systems: [], profiles: [absent], users: absent, links: absent }),
    none,
  )
})

test('what systems, present generations, profiles of users and results lead to is in use, once', () => {
  const places = placesIn('usual')
  const [system, profile, old, result] = ['system', 'profile', 'old', 'result'].map(name =>
    stored(places, name),
  )
  assert.ok(system && profile && old && result)
  symlinkSync(system.file, join(dir, 'usual/system'))
  symlinkSync(old.file, join(places.profiles[0] ?? '', 'default-1-link'))
  symlinkSync(profile.file, join(places.profiles[0] ?? '', 'default-2-link'))
  symlinkSync('default-2-link', join(places.profiles[0] ?? '', 'default'))
  for (const [name, { file }] of Object.entries({ a: result, b: system, c: result }))
    resultOf(places, 0, name, `${file}/bin`)
  for (const { file } of [result, system]) mkdirSync(`${file}/bin`)
  assert.deepEqual(pathsInUse(later(), places), {
    systems: [system.path],
    paths: [profile.path, result.path],
    left: 0,
  })
})

for (const [kind, put] of Object.entries({
  results: (places: RootPlaces, files: readonly string[]) => {
    for (const [at, file] of files.entries()) resultOf(places, ALICE, `0-${at}`, file)
  },
  profiles: (places: RootPlaces, files: readonly string[]) => profileOf(places, ALICE, 'alice', files),
})) {
  test(`attack: a user with more roots than are followed hides nobody else's, and the rest is counted (${kind})`, {
    skip: needsRoot,
  }, () => {
    const places = placesIn(`many-${kind}`)
    const many = Array.from({ length: 300 }, (_, at) => stored(places, `many${at}`).file)
    put(places, many)
    const [system, own, profile, result] = ['system', 'own', 'profile', 'result'].map(name =>
      stored(places, name),
    )
    assert.ok(system && own && profile && result)
    symlinkSync(system.file, join(dir, `many-${kind}/system`))
    resultOf(places, 0, 'own', own.file)
    profileOf(places, BOB, 'bob', [profile.file])
    resultOf(places, BOB, 'result', result.file)
    const { systems, paths, left } = pathsInUse(later(), places, FEW)
    assert.deepEqual(systems, [system.path])
    for (const { path } of [own, profile, result]) assert.ok(paths.includes(path), path)
    assert.equal(paths.length, FEW.paths)
    assert.equal(left, 300 + 3 - FEW.paths)
  })
}

test('attack: links that take long are followed no longer than there is time, and the rest is counted', () => {
  const places = placesIn('slow')
  const system = stored(places, 'system')
  symlinkSync(system.file, join(dir, 'slow/system'))
  // As many links one behind the other as the kernel follows, each over as many directories as a
  // path has.
  const long = `${'./'.repeat(800)}`
  const home = join(dir, 'slow/home')
  symlinkSync(stored(places, 'far').file, join(home, 'link0'))
  for (let at = 1; at < 38; at++) symlinkSync(`${long}link${at - 1}`, join(home, `link${at}`))
  for (let at = 0; at < 2000; at++) symlinkSync(join(home, 'link37'), join(places.links, `${at}`))
  const begun = performance.now()
  const soon = pathsInUse(begun + 50, places)
  assert.ok(performance.now() - begun < 2000, String(performance.now() - begun))
  assert.deepEqual(soon.systems, [system.path])
  assert.ok(soon.left > 0)
  const over = pathsInUse(performance.now(), places)
  assert.deepEqual(over.systems, [system.path])
  assert.ok(over.left > 0)
})

test('attack: more entries than are looked at keep no time, and are counted', { skip: needsRoot }, () => {
  const places = placesIn('entries')
  const directory = join(places.users, 'alice')
  profileOf(places, ALICE, 'alice', [])
  for (let at = 0; at < 1500; at++) symlinkSync('/nowhere', join(directory, `p${at}`))
  const own = stored(places, 'own')
  profileOf(places, BOB, 'bob', [own.file])
  const { paths, left } = pathsInUse(later(), places, FEW)
  assert.deepEqual(paths, [own.path])
  assert.ok(left > 450 && left < 550, String(left))
})

test('everybody has a turn after the other, and what is not taken is counted', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 20 }), { maxLength: 5 }),
      fc.nat(60),
      (lists, steps) => {
        const taken = lists.map((): number[] => [])
        const { left } = inTurns(new Map(lists.entries()), { steps, end: later() }, (value, at) =>
          taken[at]?.push(value),
        )
        const wanted = lists.map(list => list.filter(value => value !== undefined))
        for (const [at, values] of taken.entries())
          assert.deepEqual(values, wanted[at]?.slice(0, values.length))
        const missing = wanted.flat().length - taken.flat().length
        if (missing > 0) assert.ok(left > 0)
        if (left === 0) assert.equal(missing, 0)
        // Nobody is looked at twice more than another who has not ended.
        if (lists.every(list => list.every(value => value !== undefined))) {
          const open = lists.flatMap((list, at) => {
            const count = taken[at]?.length ?? 0
            return count < list.length ? [count] : []
          })
          assert.ok(
            open.length === 0 || Math.max(...taken.map(({ length }) => length)) - Math.min(...open) <= 1,
          )
        }
      },
    ),
  )
})

test("attack: what users' roots refer to is judged after the whole of a system, and the rest is counted", async () => {
  const path = (name: string) => `/nix/store/${'0'.repeat(32)}-${name}`
  const graph = new Map([
    [path('system'), [path('kernel')]],
    [path('kernel'), [path('libc')]],
    [path('libc'), []],
    [path('let-in'), []],
    [path('alice'), [path('libc'), path('game')]],
    [path('game'), []],
    [path('bob'), [path('editor')]],
    [path('editor'), []],
  ])
  const store = {
    async pathInfo(each: string) {
      const references = graph.get(each)
      return references && ({ references } as unknown as PathInfo)
    },
  }
  const roots = { systems: [path('system')], paths: [path('alice'), path('bob'), path('gone')], left: 3 }
  const asked = { roots, letIn: [path('let-in'), path('gone')], end: later() }
  assert.deepEqual(await pathsToJudge(store, asked), {
    paths: ['system', 'kernel', 'libc', 'let-in', 'alice', 'game', 'bob', 'editor'].map(path),
    left: 0,
  })
  assert.deepEqual(await pathsToJudge(store, { ...asked, end: performance.now() }), { paths: [], left: 6 })
})

test('records of what was let in are read; what is no such record is passed over', () => {
  const state = join(dir, 'state')
  mkdirSync(join(state, 'let-in'), { recursive: true })
  assert.deepEqual(readLetIn(join(dir, 'none')), [])
  const path = `/nix/store/${'0'.repeat(32)}-x`
  const put = (name: string, text: string) =>
    writeFileSync(join(state, 'let-in', name), text, { mode: 0o644 })
  put('0'.repeat(32), `nixsig1 ${path} sha256:${'0'.repeat(64)}\ntime 1\nwhy x\n`)
  put('1'.repeat(32), 'nixsig1 /etc/passwd sha256:0\n')
  put('2'.repeat(32), '')
  put('3'.repeat(32), 'x'.repeat(10_000))
  put(`${'4'.repeat(32)}~`, `nixsig1 ${path} \n`)
  assert.deepEqual(readLetIn(state), [path])
})

test('the last answer and the last failure of a cache are kept, once a minute and when that changes', () => {
  const state = join(dir, 'answers')
  let now = 1000
  const keep = keepLastAnswers(state, () => now)
  const url = 'https://cache.example.org'
  const last = () => readLastAnswer(state, url)
  assert.equal(last(), undefined)
  keep(url, { kind: 'absent' })
  assert.deepEqual(last(), { answered: 1000, failed: undefined })
  now = 1030
  keep(url, { kind: 'absent' })
  assert.equal(last()?.answered, 1000)
  keep(url, { kind: 'silent', detail: 'no route\nanswered 9' })
  assert.deepEqual(last(), {
    answered: 1000,
    failed: { at: 1030, detail: String.raw`no route\u{a}answered 9` },
  })
  now = 1031
  keep(url, { kind: 'malformed', detail: 'odd' })
  assert.equal(last()?.answered, 1031)
  now = 900
  keep(url, { kind: 'absent' })
  assert.equal(last()?.answered, 900)
  assert.equal(readLastAnswer(state, 'https://other.example.org'), undefined)
})
