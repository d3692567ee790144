/**
 * Compares the store plugin's parsers in C with those in TypeScript: C may refuse what TypeScript
 * accepts, but must never let in what TypeScript refuses. The C code runs with sanitizers in a
 * separate process, which a sanitizer report ends.
 */
import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../../src/files/regular-file.ts'
import { parseContentAddress, printContentAddress } from '../../src/formats/nix/content-address.ts'
import { fixedOutputPath, sourcePath, textPath } from '../../src/formats/nix/make-store-path.ts'
import { type Admission, entryFile, isCurrent, writeAdmission } from '../../src/ledger/admissions.ts'
import { type Admits, expectedFile, expectOutput } from '../../src/ledger/expected.ts'
import { parseAdmissionLine, parseExpectationLine } from '../../src/ledger/first-line.ts'
import { readSnapshot } from '../../src/ledger/policy-snapshot.ts'
import { endRespite, giveRespite, readRespite, respiteFile } from '../../src/ledger/respite.ts'
import { versionOf } from '../../src/ledger/stamp.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { type AskPlugin, type Decided, openPlugin, type Row } from '../../test/support/plugin.ts'
import { DERIVATION, DIGEST, NAR_HASH, NOW, OTHER_PATH, PATH } from '../seeds.ts'
import { refusalOf, type Target, textOf } from '../target.ts'
import { decisionsInC } from './plugin-decisions.ts'
import { replyInC } from './plugin-replies.ts'

const POLICY_DIGEST = 'cd'.repeat(32)
const FAR = 32_503_680_000
const ROW: Row = { path: PATH, hash: `sha256:${NAR_HASH}` }
const BUILT: Row = { ...ROW, deriver: DERIVATION, isOurs: true }
const ADMISSION: Admission = {
  path: PATH,
  narHash: NAR_HASH,
  policy: POLICY_DIGEST,
  until: FAR,
  stamp: '17:1700000000000000000:4096:1000000000:1700000000000000001',
  kind: 'output',
  builtHere: true,
  derivation: DERIVATION,
  time: NOW,
  rule: 'upstream tarballs',
  claims: [
    { key: 'openpgp:ABCD', role: 'developer', graph: DERIVATION, seen: NOW, trace: 'nix', origin: 'x.asc' },
  ],
  build: {
    inputs: [{ stamp: '1:2:3:4:5', path: OTHER_PATH }],
    outputs: [{ name: 'out', path: PATH, takesAny: true }],
  },
}
const TOKENS: readonly string[] = [
  ...[
    'nixsig1 ',
    'nixsig2 ',
    'nixsig3 ',
    'nixsig4 ',
    ' any\n',
    ' these',
    ` sha256:${NAR_HASH}`,
    ` ${POLICY_DIGEST} never\n`,
    'output any ',
    'policy ',
    'until never\n',
    'until 1\n',
    'stamp none\n',
    'stamp 1:2\n',
    'stamp 1:2:3:4:5\n',
    'kind signature\n',
  ],
  ...[
    'built here\n',
    'derivation none\n',
    'time 0\n',
    'build unknown\n',
    'build 1 1\n',
    'rule \n',
    'name x\n',
  ],
  ...[
    'claim builder a - 1 nix b\n',
    `input 1:2 ${PATH}\n`,
    `output out ${PATH}\n`,
    `allow sha256:${NAR_HASH}\n`,
  ],
  ...[
    'mode warn\n',
    'mode enforce\n',
    'sources data\n',
    'sources attested\n',
    'decisions off\n',
    'decisions required\n',
    'attestations /x\n',
    'nixsig1 respite\n',
    'since 0\n',
    'until 99999999999\n',
    'reason \n',
    'source 0 http://x\n',
  ],
  ...['\n', ' ', '\r', '\0', '\u2028', '\u00a0', 'ä', '\\', '/', '0', '9'],
]

/**
 * The targets; empty without a C compiler. `scratch`: an empty directory that only this user
 * can write to.
 */
export function pluginTargets(scratch: string): readonly Target[] {
  if (spawnSync('cc', ['--version'], { stdio: 'ignore' }).status !== 0) return []
  let plugin: AskPlugin | undefined
  const policy = join(scratch, 'policy.toml')
  const state = join(scratch, 'state')
  mkdirSync(join(scratch, 'root/nix/store'), { recursive: true })
  for (const room of ['ledger', 'expected']) mkdirSync(join(state, room), { recursive: true })
  writeFileSync(policy, '')
  const snapshot = snapshotOf(policy)
  writeFileSync(join(state, 'policy'), snapshot)
  // Compiling takes seconds, which are no case's.
  const prepare = () => {
    plugin ??= openPlugin()
    return plugin
  }
  const ask = (row: Row): Decided => prepare()({ state, policy }, row)
  const targets = [
    ledgerEntry(state, ask),
    expectation(state, ask),
    policySnapshot({ state, policy, snapshot }, ask),
    address(ask, join(scratch, 'root')),
    respite(state, ask),
    replyInC(prepare),
    decisionsInC(join(scratch, 'logging'), prepare),
  ]
  return targets.map(target => ({ ...target, prepare }))
}

function snapshotOf(policy: string): string {
  const lines = [
    'attestations /etc/a',
    'source 60 https://a.example/x',
    'mode enforce',
    'sources attested',
    'decisions kept',
  ]
  return `nixsig1 ${POLICY_DIGEST}\n${lines.join('\n')}\nfile ${versionOf(policy)} ${policy}\n`
}

type Ask = (row: Row) => Decided

interface Compared {
  readonly name: string
  readonly seeds: readonly string[]
  /**
   * Puts the input where both read it; returns what C decides and whether TypeScript accepts it.
   * Throws FileError and FormatError as a refusal.
   */
  readonly compare: (input: Uint8Array) => { readonly decided: Decided; readonly isTaken: () => boolean }
}

function comparison({ name, seeds, compare }: Compared): Target {
  const whole = new Set(seeds)
  return {
    name,
    seeds: seeds.map(seed => Buffer.from(seed)),
    tokens: TOKENS,
    check: input => {
      const { decided, isTaken } = compare(input)
      const isIn = decided.outcome === 'let-in'
      if (!isIn) assert.match(decided.reason, /; next: \S/)
      if (whole.has(textOf(input))) assert.ok(isIn, `what nixsig wrote is refused: ${decided.reason}`)
      try {
        assert.ok(isTaken() || !isIn, 'C lets in what TypeScript does not')
        return isIn ? 'accepted' : 'refused by C'
      } catch (error) {
        const refusal = refusalOf(error, [FileError, FormatError])
        assert.ok(!isIn, 'C lets in what TypeScript cannot read')
        return refusal
      }
    },
  }
}

function ledgerEntry(state: string, ask: Ask): Target {
  const file = entryFile(state, DIGEST)
  const print = (admission: Admission) => {
    writeAdmission(state, DIGEST, admission)
    return readFileSync(file, 'utf8')
  }
  const seeds = [
    print(ADMISSION),
    print({ ...ADMISSION, until: undefined, stamp: undefined, claims: [], build: undefined }),
  ]
  return comparison({
    name: 'ledger entry in C',
    seeds,
    compare: input => {
      writeFileSync(file, input)
      return {
        decided: ask(ROW),
        isTaken: () => {
          const line = parseAdmissionLine(textOf(input))
          if (line?.path !== PATH || line.narHash !== NAR_HASH) return false
          return isCurrent(line, POLICY_DIGEST, Date.now() / 1000)
        },
      }
    },
  })
}

function expectation(state: string, ask: Ask): Target {
  const file = expectedFile(state, DIGEST)
  const print = (admits: Admits) => {
    expectOutput(state, {
      digest: DIGEST,
      path: PATH,
      derivation: DERIVATION,
      output: 'out',
      time: NOW,
      found: { policy: POLICY_DIGEST, until: undefined },
      admits,
    })
    return readFileSync(file, 'utf8')
  }
  return comparison({
    name: 'expectation in C',
    seeds: [print({ kind: 'any' }), print({ kind: 'these', hashes: [POLICY_DIGEST, NAR_HASH] })],
    compare: input => {
      writeFileSync(entryFile(state, DIGEST), '')
      writeFileSync(file, input)
      const decided = ask(BUILT)
      writeFileSync(file, input)
      return {
        decided,
        isTaken: () => {
          const line = parseExpectationLine(textOf(input))
          if (line?.path !== PATH || line.derivation !== DERIVATION) return false
          const { admits, found } = line
          if (found.policy !== POLICY_DIGEST || (found.until ?? Infinity) <= Date.now() / 1000) return false
          return admits.kind === 'these' ? admits.hashes.includes(NAR_HASH) : admits.kind === 'any'
        },
      }
    },
  })
}

/** An admitted path is let in only under the policy of the snapshot. */
function policySnapshot(where: { state: string; policy: string; snapshot: string }, ask: Ask): Target {
  const { state, policy, snapshot } = where
  const file = join(state, 'policy')
  return comparison({
    name: 'policy snapshot in C',
    seeds: [snapshot],
    compare: input => {
      writeAdmission(state, DIGEST, ADMISSION)
      writeFileSync(file, input)
      const decided = ask(ROW)
      const isTaken = () => readSnapshot(state, policy)?.digest === POLICY_DIGEST
      const taken = attempt(isTaken)
      writeFileSync(file, snapshot)
      return { decided, isTaken: taken }
    },
  })
}

/** In a respite, paths that are otherwise refused are let in with a warning. */
function respite(state: string, ask: Ask): Target {
  const since = Math.floor(Date.now() / 1000) - 60
  const print = (reason: string) => {
    giveRespite(state, { since, until: since + 24 * 3600, reason })
    const text = readFileSync(respiteFile(state), 'utf8')
    endRespite(state)
    return text
  }
  return comparison({
    name: 'respite in C',
    seeds: [print(''), print('the cache is down')],
    compare: input => {
      writeFileSync(respiteFile(state), input)
      const decided = ask({ ...ROW, path: OTHER_PATH })
      const isTaken = attempt(() => {
        const { since = 0, until = 0 } = readRespite(state) ?? {}
        const now = Math.floor(Date.now() / 1000)
        return since <= now && now < until
      })
      rmSync(respiteFile(state))
      return {
        decided: { ...decided, outcome: decided.outcome === 'warned' ? 'let-in' : decided.outcome },
        isTaken,
      }
    },
  })
}

/** Runs a function now; the result is returned or thrown when it is asked for. */
function attempt<T>(run: () => T): () => T {
  try {
    const value = run()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}

/** A content address that makes a path data: only if TypeScript computes the same path from it. */
function address(ask: Ask, root: string): Target {
  const text = Buffer.from('a text')
  const hash = `sha256:${'0'.repeat(52)}`
  /** Asks about a path that is a plain file, as a text has to be. */
  const askLying = (path: string, ca: string) => {
    writeFileSync(`${root}${path}`, '')
    const decided = ask({ path, hash: `sha256:${NAR_HASH}`, ca, root })
    rmSync(`${root}${path}`)
    return decided
  }
  return {
    name: 'content address in C',
    seeds: [`fixed:r:${hash}`, `fixed:${hash}`, `text:${hash}`, `fixed:r:sha1:${'0'.repeat(32)}`, ''].map(
      seed => Buffer.from(seed),
    ),
    tokens: ['fixed:', 'text:', 'r:', 'git:', 'sha256:', 'sha1:', 'md5:', 'sha512:', '0', 'z', ':', hash],
    check: input => {
      const ca = textOf(input)
      if (/[\t\n\0]/.test(ca) || ca.length > 2000) return 'not asked'
      const made = attempt(() => pathOf(ca))
      let path = OTHER_PATH
      try {
        path = made()
      } catch (error) {
        const refusal = refusalOf(error, [FormatError])
        assert.equal(askLying(path, ca).outcome, 'refused')
        return refusal
      }
      const isText = ca.startsWith('text:')
      const decided = askLying(path, ca)
      // In the snapshot's strict mode, a source is judged and a text is not. C accepts only one
      // encoding of a hash.
      const isUsual = ca !== '' && printContentAddress(parseContentAddress(ca)) === ca
      if (!isText || isUsual)
        assert.equal(decided.outcome, isText ? 'let-in' : 'refused', `${ca}: ${decided.reason}`)
      assert.equal(askLying(textPath('other', text, []), ca).outcome, 'refused')
      return 'accepted'
    },
  }
}

function pathOf(ca: string): string {
  if (ca === '') return sourcePath({ name: 'x', narHash: NAR_HASH })
  return fixedOutputPath({ name: 'x', ...parseContentAddress(ca) })
}
