// Whatever keepers do, and whatever a mirror makes of it: replays, mixes and cuts, in any order.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FileError } from '../../../src/files/regular-file.ts'
import { newestRoot, readState, type TufState } from '../../../src/lists/tuf/refresh.ts'
import type { TufSource } from '../../../src/lists/tuf/source.ts'
import { beginTrust } from '../../../src/lists/tuf/update.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import { memoryStore, Simulator } from '../../support/lists/simulator.ts'

const DAY = 86_400
const TOP = ['root', 'targets', 'snapshot', 'timestamp'] as const
/** How many of how many. Few, as the time goes into verifying signatures. */
const THRESHOLDS = { root: 1, targets: 2, snapshot: 1, timestamp: 1 }
type Top = keyof typeof THRESHOLDS
const TEAMS = ['team-gnome', 'team-kde']

/** What keepers have signed as one state: versions by role. */
type State = Readonly<Record<string, number>>

/** One keeper more than a role needs; any that suffice may sign. */
class Keepers {
  readonly repo = new Simulator()
  /** All states, by the version of the timestamp. */
  readonly states = new Map<number, State>()
  /** What was signed, by whom: `ROLE VERSION`. */
  readonly signers = new Map<string, readonly string[]>()
  /** What was served at each moment. */
  readonly moments: ReadonlyMap<string, Uint8Array>[] = []
  readonly #people = new Map<string, readonly string[]>()
  #count = 0

  constructor() {
    for (const role of TOP)
      this.#give(
        role,
        [1, 2, 3].slice(2 - THRESHOLDS[role]).map(number => `${role} of ${number}`),
      )
    this.publish(TOP, 7)
  }

  #give(role: string, names: readonly string[]): void {
    this.#people.set(role, names)
    this.repo.give(role, names, role in THRESHOLDS ? THRESHOLDS[role as Top] : 1)
  }

  /** Who has a role now. */
  people(role: string): readonly string[] {
    return this.#people.get(role) ?? []
  }

  /** The next version of these roles; the bits of `who` say which keepers sign. */
  publish(roles: readonly string[], who: number): void {
    const { repo } = this
    for (const role of ['snapshot', 'timestamp', ...roles])
      repo.roles[role].expires = repo.in(role === 'timestamp' ? 30 : 300)
    const order = ['root', ...TEAMS, 'targets', 'snapshot', 'timestamp']
    const all = order.filter(role => roles.includes(role) || role === 'snapshot' || role === 'timestamp')
    for (const role of all) {
      const people = this.people(role)
      const chosen = people.filter((_, at) => (who >> at) & 1)
      const enough = chosen.length < (THRESHOLDS[role as Top] ?? 1) ? people : chosen
      repo.signers.set(role, enough)
      repo.publish(role)
      this.signers.set(`${role} ${repo.roles[role].version}`, enough)
    }
    const { snapshot, timestamp } = repo.roles
    const named = Object.entries<{ version: number }>(snapshot.meta).map(([file, meta]) => [
      file.replace('.json', ''),
      meta.version,
    ])
    this.states.set(timestamp.version, {
      ...Object.fromEntries(named),
      snapshot: snapshot.version,
      timestamp: timestamp.version,
    })
    this.moments.push(new Map(repo.files))
  }

  /** A keeper of these roles goes and another comes; what the roles have signed is signed anew. */
  rotate(roles: readonly string[], at: number, who: number): void {
    const number = ++this.#count + 3
    for (const role of roles) {
      const people = this.people(role)
      this.#give(role, people.with(at % people.length, `${role} of ${number}`))
    }
    this.publish(['root', ...roles], who)
  }

  toggleTeam(role: string, who: number): void {
    const { repo } = this
    const delegations = repo.roles['targets'].delegations ?? { roles: [] }
    if (delegations.roles.some((each: { name: string }) => each.name === role)) {
      delegations.roles = delegations.roles.filter((each: { name: string }) => each.name !== role)
      this.publish(['targets'], who)
    } else {
      this.#people.set(role, [`${role} of 1`])
      repo.team(role.slice('team-'.length), [`${role} of 1`])
      this.publish(['targets', role], who)
    }
  }
}

/** How a mirror answers: each number picks one of the moments that were, from the newest back. */
interface Mirror {
  readonly timestamp: number
  readonly roots: number
  /** Which request gets nothing, or half of it. */
  readonly cut: number
  readonly half: boolean
}

function mirrored({ moments }: Keepers, { timestamp, roots, cut, half }: Mirror): TufSource {
  const at = (back: number) => moments[Math.max(0, moments.length - 1 - back)]
  const all = moments.at(-1)
  let requests = 0
  return {
    read: async (path, limit) => {
      const from = path.endsWith('timestamp.json')
        ? at(timestamp)
        : path.endsWith('root.json')
          ? at(roots)
          : all
      const found = from?.get(path)
      if (requests++ === cut) return half ? found?.subarray(0, found.length >> 1) : undefined
      if (found !== undefined && found.length > limit) throw new FileError('too large')
      return found
    },
  }
}

const HONEST: Mirror = { timestamp: 0, roots: 0, cut: -1, half: false }

class Subscriber {
  readonly store = memoryStore()
  /** The states that were accepted, in order. */
  readonly accepted: State[] = []
  refused = 0
  readonly #keepers: Keepers

  constructor(keepers: Keepers) {
    this.#keepers = keepers
  }

  /** What readNewest does for one update, without a second reader. */
  async #read(source: TufSource, now: number): Promise<TufState> {
    const { store } = this
    const floor = store.floor().at(now)
    store.keepFloor(floor)
    const trusted = store.root() ?? assert.fail('it has no first root yet')
    const root = await newestRoot(trusted, source, store.keepRoot)
    const state = await readState(root, source, {
      floor,
      onFloor: store.keepFloor,
      ends: 'must not be over',
      now,
    })
    store.keepMetadata(state.files)
    return state
  }

  async update(mirror: Mirror): Promise<void> {
    const { repo } = this.#keepers
    const root = this.store.root()?.version ?? 0
    try {
      const newest = await this.#read(mirrored(this.#keepers, mirror), repo.now)
      assert.ok(newest.ends > repo.now, 'what was accepted had ended')
      assert.ok(newest.root.version >= root, 'root went back')
      this.#accept(JSON.parse(String(newest.files.get('timestamp.json'))).signed.version, newest)
    } catch (error) {
      if (!(error instanceof FormatError || error instanceof FileError)) throw error
      this.refused++
    }
    assert.ok((this.store.root()?.version ?? 0) >= root, 'the root that is kept went back')
  }

  #accept(timestamp: number, { targets, teams, files }: TufState): void {
    const state = this.#keepers.states.get(timestamp) ?? assert.fail('nobody signed such a state')
    const found = Object.fromEntries(
      [...files.keys()].flatMap(name => {
        const [, version, role = ''] = /^(\d+)\.(.*)\.json$/.exec(name) ?? []
        return version === undefined ? [] : [[role, Number(version)]]
      }),
    )
    for (const [role, version] of Object.entries(found))
      assert.equal(version, state[role], `${role} is of another state`)
    assert.equal(targets.version, state['targets'])
    for (const [role, team] of teams) assert.equal(team.version, state[role])
    for (const role of ['timestamp', 'snapshot', 'targets']) this.#assertNotBack(role, state[role] ?? 0)
    this.accepted.push(state)
  }

  /**
   * At least the latest accepted version that enough of those who have a role now have signed; and
   * not that one itself, if a later was accepted since.
   */
  #assertNotBack(role: string, version: number): void {
    const people = this.#keepers.people(role)
    const versions = this.accepted.map(state => state[role] ?? 0)
    const standing = versions.filter(each => {
      const signers = this.#keepers.signers.get(`${role} ${each}`) ?? []
      return signers.filter(name => people.includes(name)).length >= THRESHOLDS[role as Top]
    })
    const lowest = Math.max(0, ...standing)
    const isLast = versions.slice(versions.lastIndexOf(lowest) + 1).every(each => each < lowest)
    assert.ok(version > lowest || (isLast && version === lowest), `${role} went back`)
  }
}

async function subscribed(): Promise<{ keepers: Keepers; subscriber: Subscriber }> {
  const keepers = new Keepers()
  const subscriber = new Subscriber(keepers)
  const first = keepers.repo.files.get('metadata/1.root.json') ?? assert.fail('no root')
  await beginTrust(subscriber.store, keepers.repo.source, { sha256: toHex(sha256(first)) })
  return { keepers, subscriber }
}

const who = fc.integer({ min: 1, max: 7 })
const back = fc.integer({ min: 0, max: 5 })
const mirror: fc.Arbitrary<Mirror> = fc.record({
  timestamp: back,
  roots: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, back),
  cut: fc.integer({ min: -16, max: 6 }),
  half: fc.boolean(),
})
type Operation = (keepers: Keepers, subscriber: Subscriber) => void | Promise<void>
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: mirror.map(
      (how): Operation =>
        (_, subscriber) =>
          subscriber.update(how),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Operation>((_, subscriber) => subscriber.update(HONEST)) },
  fc.tuple(fc.subarray(['targets']), who).map(
    ([roles, who]): Operation =>
      keepers =>
        keepers.publish(roles, who),
  ),
  fc.tuple(fc.constantFrom(TOP, TOP, ...TOP.map(role => [role])), back, who).map(
    ([roles, at, who]): Operation =>
      keepers =>
        keepers.rotate(roles, at, who),
  ),
  fc.tuple(fc.constantFrom(...TEAMS), who).map(
    ([role, who]): Operation =>
      keepers =>
        keepers.toggleTeam(role, who),
  ),
  fc.integer({ min: 1, max: 20 }).map(
    (days): Operation =>
      ({ repo }) => {
        repo.now += days * DAY
      },
  ),
)

test('500 histories: no state goes back, is mixed or had ended, and keepers are always followed', async () => {
  const counts = { accepted: 0, refused: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 3, maxLength: 10 }), async operations => {
      const { keepers, subscriber } = await subscribed()
      for (const each of operations) await each(keepers, subscriber)
      counts.accepted += subscriber.accepted.length
      counts.refused += subscriber.refused
      // Whatever happened: the newest state is taken when it is there to be had.
      keepers.publish(['targets'], 7)
      await subscriber.update(HONEST)
      assert.deepEqual(subscriber.accepted.at(-1), [...keepers.states.values()].at(-1))
    }),
    { numRuns: Number(process.env['NIXSIG_CASES'] ?? 500) },
  )
  // Else the histories would try nothing.
  assert.ok(counts.accepted > 500 && counts.refused > 200, JSON.stringify(counts))
})
