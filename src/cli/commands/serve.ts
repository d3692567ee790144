import { realpathSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { journalPrefix } from '../../files/journal.ts'
import { RESIDENT_SOCKET } from '../../formats/hook-question.ts'
import { parseListen } from '../../policy/language/gate.ts'
import { command, EVERYWHERE, type Invocation, type PlaceName } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly listen: string | undefined
  readonly socket: string
  readonly quarantine: 'here' | 'by-hooks'
  readonly 'log-format': 'text' | 'json'
}

/** What is under way has so many milliseconds to end. */
const GRACE = 10_000

/** Milliseconds in which what was said last is written. */
const LAST_WORDS = 50

/** The command of the process for HTTP. */
const HTTP_COMMAND = 'serve-http'

const LOG_FORMAT = {
  kind: 'value',
  value: 'FORMAT',
  choices: ['text', 'json'],
  fallback: 'text',
  text: 'Format of the log on standard error',
} as const

/** `nixsig serve`: the gate for substituters, and the judge for the hooks. */
export const serve = command({
  options: {
    listen: {
      kind: 'value',
      value: 'ADDRESS:PORT',
      text: "IP address and port, in place of the policy's",
    },
    socket: { kind: 'value', value: 'FILE', fallback: RESIDENT_SOCKET, text: 'Unix socket for the hooks' },
    quarantine: {
      kind: 'value',
      value: 'BY',
      choices: ['here', 'by-hooks'],
      fallback: 'here',
      text: 'Who moves refused outputs out of the store; with by-hooks this process need not write there',
    },
    'log-format': LOG_FORMAT,
  },
  examples: [
    ['serve', 'With the upstreams and the address that the policy names'],
    ['serve --listen 0.0.0.0:4649', 'For other machines as well'],
  ],
  reads: EVERYWHERE,
  run: runService,
})

/** Not for people: what `nixsig serve` starts beside itself. */
export const serveHttpSide = command({ options: { 'log-format': LOG_FORMAT }, run: runHttpSide })

/**
 * A process that stays for months gives memory back before it asks for more: it grows by a fifth
 * over what is in use, not to twice that, and collects young garbage early.
 */
function giveMemoryBack(): void {
  setFlagsFromString('--heap-growing-percent=20')
  setFlagsFromString('--semi-space-growth-factor=1')
}

/**
 * An option that Node starts the HTTP process with: a limit on young garbage, of which it makes
 * much more.
 */
const HTTP_MEMORY = '--max-semi-space-size=4'

async function runHttpSide(options: Pick<Options, 'log-format'>): Promise<Status> {
  if (process.send === undefined)
    throw new UsageError(`${HTTP_COMMAND} is what "nixsig serve" starts; start that`)
  setFlagsFromString('--heap-growing-percent=20')
  const { serveHttp } = await import('../../gate/http-side.ts')
  const { openLog, writeTo } = await import('../../gate/log.ts')
  const link = {
    send: (message: object) => void (process.connected && process.send?.(message)),
    onMessage: (listener: (message: never) => void) =>
      void process.on('message', listener as (message: unknown) => void),
    onEnd: (listener: () => void) => void process.once('disconnect', listener),
  }
  await serveHttp(
    link,
    openLog(
      options['log-format'],
      writeTo(process.stderr, level => journalPrefix(level, 2)),
    ),
  )
  await sleep(LAST_WORDS)
  // Whatever clients still want: nobody is there any more who would answer for it.
  process.exit(0)
}

async function runService(options: Options, { places }: Invocation<PlaceName>): Promise<Status> {
  giveMemoryBack()
  process.execArgv.push(HTTP_MEMORY)
  const { startService } = await import('../../gate/service.ts')
  const { openLog, writeTo } = await import('../../gate/log.ts')
  const { activatedSockets, openNotifier } = await import('../../gate/systemd.ts')
  const log = openLog(
    options['log-format'],
    writeTo(process.stderr, level => journalPrefix(level, 2)),
  )
  const listen = listenOption(options.listen)
  // By its real path: an upgrade must not start half of another version.
  const program = realpathSync.native(process.argv[1] ?? '')
  const httpCommand = [program, HTTP_COMMAND, '--log-format', options['log-format']]
  const activated = activatedSockets()
  const service = await startService({
    places,
    listen,
    socket: options.socket,
    activated,
    takesOut: options.quarantine === 'here',
    httpCommand,
    log,
  })
  const notifier = openNotifier(problem => log('warning', 'systemd was not told', { why: problem }))
  log('info', 'ready', { url: service.url, socket: options.socket })
  const status = `passing on at ${service.url}`
  await notifier.ready(status)

  const signal = await untilStopped(async () => {
    await notifier.reloading()
    try {
      await service.reload()
    } catch (error) {
      log('error', 'everything is refused', { why: (error as Error).message })
    }
    await notifier.ready(status)
  })
  log('info', 'stopping', { signal })
  await notifier.stopping()
  await service.close(GRACE)
  notifier.stop()
  return 0
}

/** The signal that ends us; another one asks for a reload first, any number of times. */
function untilStopped(reload: () => Promise<void>): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    process.on('SIGHUP', () => void reload())
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
}

function listenOption(text: string | undefined): ReturnType<typeof parseListen> {
  const listen = text === undefined ? undefined : parseListen(text)
  if (text !== undefined && listen === undefined) {
    throw new UsageError('--listen must be an IP address and a port, such as 127.0.0.1:4649 or [::1]:4649')
  }
  return listen
}
