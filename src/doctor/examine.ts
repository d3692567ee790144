/** Collects all facts about this machine that its doors are judged by. */
import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { findProgram } from '../files/programs.ts'
import { FileError } from '../files/regular-file.ts'
import { readRespite, underRespite } from '../ledger/respite.ts'
import { askSettings, askVersion, type NixProgram } from '../nix-config/ask-nix.ts'
import { type Environment, readConfiguration, VARIABLES } from '../nix-config/conf-files.ts'
import { optionAssignments } from '../nix-config/options.ts'
import { type DaemonProcess, findDaemons } from '../nix-config/processes.ts'
import { DEFAULT_DECISIONS } from '../policy/language/decisions.ts'
import { lookAtVersions } from '../setup/in-force.ts'
import { SYSTEMD } from '../setup/places.ts'
import { failedDaemonUnits } from '../setup/systemd.ts'
import { openConnection } from '../store/connection.ts'
import { GREETING, INTRODUCTION, readGreeting, readWelcome } from '../store/handshake.ts'
import { connectSocket } from '../store/socket.ts'
import { lookAtOwnLog } from '../verifier/look-at-own-log.ts'
import type { Places } from '../verifier/places.ts'
import { readPolicy } from '../verifier/policy-file.ts'
import { tryDoors } from './canaries.ts'
import { known, type Learned } from './door.ts'
import type { DaemonFacts, Facts, View } from './facts.ts'
import { lookAtFiles } from './file-facts.ts'
import { askGate, type NamedGate } from './gate-facts.ts'
import { learn } from './learn.ts'
import { lookAtLists } from './list-facts.ts'
import { loadedBy, loadedByOwn } from './loaded.ts'
import { lookAtMachine } from './machine-facts.ts'

/** What is examined, and what the user states about it. */
export interface Examination {
  readonly places: Places
  /** The directory of this installation. */
  readonly installation: string
  readonly gate: NamedGate
  /** Advisories that are fixed in this machine's Nix, as the user states. */
  readonly mended: readonly string[]
  /**
   * `looked at`: nothing is brought into the store, so the doors that only an attempt shows are
   * unknown.
   */
  readonly doors: 'tried' | 'looked at'
}

const SOCKET = '/nix/var/nix/daemon-socket/socket'
const TIMEOUT = 10_000
/** Milliseconds for the daemon to greet. */
const DAEMON_TIMEOUT = 4000

const UNTRIED = { problem: 'not tried' }
const NOT_TRIED: Facts['canaries'] = {
  importByRoot: UNTRIED,
  buildByRoot: UNTRIED,
  keptBuildByRoot: UNTRIED,
  importByDaemon: UNTRIED,
  buildByDaemon: UNTRIED,
  keptBuildByDaemon: UNTRIED,
  leftovers: [],
}

function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

/**
 * Collects the facts; takes at most a minute. Throws FileError if there is no Nix on this machine.
 */
export async function examine({ places, installation, gate, mended, doors }: Examination): Promise<Facts> {
  const [nix, nixStore] = [programOf('nix'), programOf('nix-store')]
  const environment = ownEnvironment()
  const found = await learn(findDaemon, DAEMON_TIMEOUT)
  const running = known(found)
  const policy = await learn(
    () => underRespite(readPolicy(places).policy, places.state, nowInSeconds()),
    TIMEOUT,
  )
  const read = known(policy)
  const lists = await learn(() => (read === undefined ? [] : lookAtLists(read, places)), TIMEOUT)
  const respite = await learn(() => readRespite(places.state), TIMEOUT)
  const log = await learn(() => lookAtOwnLog(places.state, read?.decisions ?? DEFAULT_DECISIONS), TIMEOUT)
  const [own, daemonView, daemon, ownProcess, gateFacts] = await Promise.all([
    viewOf('root', { program: nix, environment, options: [] }),
    running && viewOf('nix-daemon', nixOf(running, environment)),
    describe(found, installation),
    learn(() => loadedByOwn(nixStore, environment, installation), TIMEOUT),
    askGate(policy, places.state, gate),
  ])
  // By now Nix has created its database, if this machine had none yet.
  const machine = await lookAtMachine(places.state, installation)
  const views: Facts['views'] = daemonView === undefined ? [own] : [own, daemonView]
  const files = await lookAtFiles(views, installation, environment.HOME ?? '/root')
  const hooks = [...files.programs]
    .filter(([, { part }]) => part !== undefined && part !== 'plugin')
    .map(([file]) => file)
  const way = { nixStore, environment, state: places.state, hooks }
  const hasDaemon = 'problem' in found || running !== undefined
  const daemonWay = { ...way, environment: withoutWishes(environment), store: 'daemon' } as const
  const canaries =
    doors === 'tried'
      ? await tryDoors({ ...way, store: 'local' }, hasDaemon ? daemonWay : undefined)
      : NOT_TRIED
  const versions = await learn(() => ({ ...lookAtVersions(), own: installation }), TIMEOUT)
  const now = nowInSeconds()
  const looked = {
    versions,
    views,
    daemon,
    ownProcess,
    files,
    policy,
    lists,
    respite,
    log,
    gate: gateFacts,
    machine,
    canaries,
  }
  return { now, ...looked, mended }
}

/** The absolute path of a program of Nix. Throws FileError if there is none. */
export function programOf(name: string): string {
  const program = findProgram(name)
  if (program === undefined) throw new FileError(`there is no program ${name} on this system`)
  return program
}

/** The environment of root's own commands. */
export function ownEnvironment(): Environment {
  const variables = VARIABLES.map(name => [name, process.env[name]] as const)
  return {
    ...Object.fromEntries(variables.filter(([, value]) => value !== undefined)),
    HOME: userInfo().homedir,
  }
}

/**
 * The environment without root's own files and NIX_CONFIG: root's client would send their settings
 * to the daemon, which shall report its own.
 */
function withoutWishes({ NIX_CONFIG: _, ...environment }: Environment): Environment {
  return { ...environment, NIX_USER_CONF_FILES: '/dev/null' }
}

/**
 * The daemon that listens; systemd starts it at the first connection. Throws Error if there are
 * several candidates or none can be found, or if its units have failed.
 */
export async function findDaemon(): Promise<DaemonProcess | undefined> {
  const isServed = await greetDaemon()
  const [daemon, ...more] = findDaemons()
  if (more.length > 0)
    throw new Error(`${more.length + 1} nix-daemons run, and which of them answers is unknown`)
  if (daemon === undefined && isServed)
    throw new Error(
      'a daemon answers that is not among the processes here: in a container it is the one of the host, which judges; run nixsig doctor there',
    )
  if (daemon === undefined) await assertNotFailed()
  return daemon
}

/** A daemon that was stopped is absent by choice; one that failed is a fault, and unknown. */
async function assertNotFailed(): Promise<void> {
  const failed = existsSync(SYSTEMD) ? await failedDaemonUnits() : []
  if (failed.length === 0) return
  const units = failed.join(' ')
  throw new Error(
    `${failed.join(' and ')} failed, so no daemon answers: systemctl reset-failed ${units}; systemctl start ${units}; journalctl -u nix-daemon says why it failed`,
  )
}

/**
 * Whether a daemon listens on the socket. Throws StoreError and FormatError if it does not answer
 * like a Nix daemon.
 */
async function greetDaemon(): Promise<boolean> {
  const pipe = await connectSocket(SOCKET, DAEMON_TIMEOUT)
  if (pipe === undefined) return false
  const connection = openConnection(pipe, DAEMON_TIMEOUT)
  try {
    const minor = await connection.exchange(GREETING, readGreeting())
    await connection.exchange(INTRODUCTION, readWelcome(minor))
    return true
  } finally {
    connection.close()
  }
}

/** The program that the daemon is running, even if the file was replaced since. */
export function nixOf({ pid, environment, options }: DaemonProcess, own: Environment): NixProgram {
  const home = environment.HOME ?? own.HOME ?? '/root'
  return { program: `/proc/${pid}/exe`, environment: { ...environment, HOME: home }, options }
}

async function viewOf(who: View['who'], nix: NixProgram): Promise<View> {
  const [settings, version] = await Promise.all([
    learn(() => askSettings(nix), TIMEOUT),
    learn(() => askVersion(nix), TIMEOUT),
  ])
  const configuration = readConfiguration(nix.environment)
  const assignments = [...configuration.assignments, ...optionAssignments(nix.options)]
  return { who, settings, version, configuration: { ...configuration, assignments } }
}

async function describe(
  found: Learned<DaemonProcess | undefined>,
  installation: string,
): Promise<Learned<DaemonFacts | undefined>> {
  if ('problem' in found) return found
  if (found.value === undefined) return { value: undefined }
  const { pid, started, options, isForcedToTrust } = found.value
  const optionNames = optionAssignments(options).map(({ name }) => name)
  const loaded = await learn(() => loadedBy(pid, installation), TIMEOUT)
  return { value: { started, optionNames, isForcedToTrust, loaded } }
}
