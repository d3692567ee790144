/** What no command of Nix says, but the programs that serve a store to others understand. */
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import { encode } from '../../../src/store/wire.ts'
import { sha256 } from '../../support/trust.ts'
import type { Outcome } from '../../support/world.ts'
import type { Cell } from './entrance.ts'

/** A path that is one file, and what is said of it. */
export interface Told {
  readonly path: string
  readonly contents: string
  readonly isExecutable?: boolean
  readonly deriver?: string
  readonly contentAddress?: string
  /** Whether to call it built where it goes to. */
  readonly ultimate?: boolean
}

/** What Nix's two protocols have in common about a path (src/libstore, serve-protocol and worker-protocol). */
function describe(told: Told) {
  const { path, deriver = '', contentAddress = '', ultimate = false } = told
  const nar = narOfBytes(Buffer.from(told.contents), told.isExecutable ?? false)
  const info = encode(path, deriver, sha256(nar), [], 0, nar.length, ultimate ? 1 : 0, [], contentAddress)
  return { nar, info }
}

const SERVE_MAGIC = 0x390c9deb
const SERVE_VERSION = 0x205
const SERVE_ADD = 9

/** Speaks to `nix-store --serve --write`, which ends well if it took the path. */
export function serveByHand({ world, user }: Cell, told: Told, words = ''): Promise<Outcome> {
  const { nar, info } = describe(told)
  const input = Buffer.concat([encode(SERVE_MAGIC, SERVE_VERSION, SERVE_ADD), info, nar])
  return world.run(`${words} nix-store --serve --write > /dev/null`, { user, input })
}

const WORKER_MAGIC = 0x6e697863
const WORKER_VERSION = (1 << 8) | 35
const WORKER_ADD = 39

/** On the wire, what ends a request well, the greeting being one, and what an error begins with. */
const [WELL, ERROR] = ['stla', 'ptxc']

/** Keeps the line open until there is an answer, because the daemon listens no more when nobody speaks to it. */
function talk(words: string): string {
  const answered = `grep -q --text ${ERROR} $reply || [ $(grep -o --text ${WELL} $reply | wc -l) -ge 2 ]`
  return `reply=$(mktemp)
answered() { ${answered}; }
wait_for_it() { for try in $(seq 100); do answered && return; sleep 0.1; done; }
(cat; wait_for_it) | ${words} nix-daemon --stdio | cat > $reply
if grep -q --text ${ERROR} $reply; then tr -cd '[:print:]' < $reply >&2; exit 1; fi
answered
`
}

/** Speaks to the daemon as a client who asks for no signatures to be checked; ends well if it took the path. */
export function daemonByHand({ world, user }: Cell, told: Told, words = ''): Promise<Outcome> {
  const { nar, info } = describe(told)
  const [repair, withoutSignatures] = [0, 1]
  const greeting = encode(WORKER_MAGIC, WORKER_VERSION, 0, 0, WORKER_ADD)
  const frames = [encode(nar.length), nar, encode(0)]
  const input = Buffer.concat([greeting, info, encode(repair, withoutSignatures), ...frames])
  return world.run(talk(words), { user, input })
}

const WORKER_BUILD = 36

/** Has the daemon build what it is told, under the name of a derivation that may say something else. */
export function buildByHand(
  { world, user }: Cell,
  build: { readonly drv: string; readonly out: string; readonly script: string; readonly system: string },
  words = '',
): Promise<Outcome> {
  const outputs = encode(1, 'out', build.out, '', '')
  const env = encode(1, 'out', build.out)
  const program = encode([], build.system, '/bin/sh', ['-c', build.script])
  const greeting = encode(WORKER_MAGIC, WORKER_VERSION, 0, 0, WORKER_BUILD, build.drv)
  const input = Buffer.concat([greeting, outputs, program, env, encode(0)])
  return world.run(talk(words), { user, input })
}
