/** State directories for the plugin's C code, written by the ledger's own code. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { type Admission, entryFile, writeAdmission } from '../../src/ledger/admissions.ts'
import { expectedFile, expectOutput, type NewExpected } from '../../src/ledger/expected.ts'
import { versionOf } from '../../src/ledger/stamp.ts'
import { type AskPlugin, type Decided, openPlugin, type Row, type Where } from './plugin.ts'

export const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
export const PATH = `/nix/store/${DIGEST}-tool-1.0`
export const DRV = `/nix/store/${DIGEST}-tool-1.0.drv`
export const NAR_HASH = 'ab'.repeat(32)
export const OTHER_HASH = 'ba'.repeat(32)
export const POLICY_DIGEST = 'cd'.repeat(32)
export const HASH = `sha256:${NAR_HASH}`
/** The row of a path that is copied in, and of one that is built here. */
export const ROW: Row = { path: PATH, hash: HASH }
export const BUILT: Row = { ...ROW, deriver: DRV, isOurs: true }

/** How every refusal ends. */
export const NEXT_STEP = /; next: \S.{4,}$/
/** The reason where neither the ledger nor anybody else knows anything. */
export const UNKNOWN = /^the ledger does not have it, and nobody answers at \/nonexistent who could judge it/

const ADMISSION: Admission = {
  path: PATH,
  narHash: NAR_HASH,
  policy: POLICY_DIGEST,
  until: undefined,
  stamp: undefined,
  kind: 'output',
  builtHere: false,
  derivation: DRV,
  time: 1_790_000_000,
  rule: 'tools, as we like them',
  claims: [
    {
      key: 'ed25519:x',
      role: 'builder',
      graph: undefined,
      seen: 1_790_000_000,
      trace: 'nix',
      origin: 'a file:3',
    },
  ],
  build: { inputs: [{ stamp: '1:2', path: DRV }], outputs: [{ name: 'out', path: PATH, takesAny: true }] },
}

const EXPECTED: NewExpected = {
  ...{ digest: DIGEST, path: PATH, derivation: DRV, output: 'out', time: 1 },
  found: { policy: POLICY_DIGEST, until: undefined },
  admits: { kind: 'any' },
}

export const isRoot: boolean = process.getuid?.() === 0
/** For attacks that need files of another user. */
export const asRoot: { readonly skip: boolean | string } = {
  skip: !isRoot && 'only root can give files away',
}

export interface Settings {
  readonly mode?: string
  readonly sources?: string
  readonly decisions?: string
  /** Files of the policy, besides the policy itself. */
  readonly certificates?: readonly string[]
}

/** A state directory with its ledger, and the policy that it has a snapshot of. */
export interface State extends Where {
  readonly directory: string
  /** The snapshot of the policy. */
  readonly snapshot: string
}

export interface PluginCode {
  /** A directory for this file's tests, writable by this user only. */
  readonly home: string
  ask(where: Where, row: Row): Decided
  letsIn(where: Where, row: Row): void
  refuses(where: Where, row: Row, reason: RegExp): void
  /** A state directory with a snapshot of its policy and nothing else. */
  stateWith(settings?: Settings): State
  /** One in which the path is admitted. */
  admitting(change?: Partial<Admission>, settings?: Settings): State & { readonly entry: string }
  /** One in which the path is expected from its derivation, by default with any contents. */
  expecting(change?: Partial<NewExpected>, settings?: Settings): State & { readonly record: string }
}

/** The text of a snapshot of these files. */
export function snapshotText(files: readonly string[], settings: Settings = {}): string {
  const { mode = 'enforce', sources = 'data', decisions = 'kept' } = settings
  const lines = [
    `mode ${mode}`,
    `sources ${sources}`,
    `decisions ${decisions}`,
    ...files.map(file => `file ${versionOf(file)} ${file}`),
  ]
  return `nixsig1 ${POLICY_DIGEST}\nattestations /etc/a\n${lines.join('\n')}\n`
}

/** Compiles the plugin's code for the tests of a file, and cleans up after them. */
export function usePlugin(): PluginCode {
  // Below root's own home: /tmp is world-writable, which is one of the attacks.
  const home = mkdtempSync(join(isRoot ? '/root' : (process.env['HOME'] ?? '/tmp'), '.nixsig-test-'))
  let plugin: AskPlugin | undefined
  let serial = 0
  before(() => {
    plugin = openPlugin()
  })
  after(() => {
    plugin?.close()
    rmSync(home, { recursive: true })
  })

  function ask(where: Where, row: Row): Decided {
    assert.ok(plugin !== undefined)
    return plugin(where, row)
  }

  function stateWith(settings: Settings = {}): State {
    const directory = join(home, String(serial++))
    const [state, policy] = [join(directory, 'state'), join(directory, 'policy.toml')]
    for (const room of ['ledger', 'expected']) mkdirSync(join(state, room), { recursive: true })
    const files = [policy, ...(settings.certificates ?? []).map(name => join(directory, name))]
    for (const file of files) writeFileSync(file, `# ${serial}`)
    const snapshot = join(state, 'policy')
    writeFileSync(snapshot, snapshotText(files, settings))
    return { directory, state, policy, snapshot }
  }

  return {
    home,
    ask,
    stateWith,
    letsIn: (where, row) => assert.deepEqual(ask(where, row), { outcome: 'let-in', reason: '' }),
    refuses(where, row, reason) {
      const decided = ask(where, row)
      assert.equal(decided.outcome, 'refused', decided.reason)
      assert.match(decided.reason, reason)
      assert.match(decided.reason, NEXT_STEP, 'a refusal ends in a next step')
    },
    admitting(change = {}, settings = {}) {
      const where = stateWith(settings)
      writeAdmission(where.state, DIGEST, { ...ADMISSION, ...change })
      return { ...where, entry: entryFile(where.state, DIGEST) }
    },
    expecting(change = {}, settings = {}) {
      const where = stateWith(settings)
      expectOutput(where.state, { ...EXPECTED, ...change })
      return { ...where, record: expectedFile(where.state, DIGEST) }
    },
  }
}
