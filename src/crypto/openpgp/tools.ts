/**
 * The two programs that verify OpenPGP signatures for nixsig: gpgv (GnuPG) and sqv (Sequoia). Each run judges one
 * signature packet with one certificate, so an answer is about nothing else.
 */
import { spawn } from 'node:child_process'
import { deadlineSignal } from '../../files/deadline.ts'
import { PROGRAM_DIRECTORIES } from '../../files/programs.ts'
import { printable } from '../../primitives/printable.ts'
import type { OpenedFile } from '../detached/opened-file.ts'

const TIME_LIMIT = 300_000
const OUTPUT_LIMIT = 256 * 1024

export interface Tool {
  readonly name: 'gpgv' | 'sqv'
  /** Absolute path. */
  readonly program: string
}

/** One question to a tool. Paths are absolute; `directory` is private and empty but for the other two. */
export interface Question {
  readonly data: OpenedFile
  /** File of one binary signature packet. */
  readonly signature: string
  /** File of one binary certificate. */
  readonly keyring: string
  readonly directory: string
}

/**
 * What a tool says. `verified`: the arithmetic is right, by a key of the certificate with this primary fingerprint; which
 * of its keys that was, and what else gpgv has to say of the keys or the signature. `undecided`: nothing about the
 * signature, but that this tool cannot or did not judge it.
 */
export type ToolResult = Verified | Refused | { readonly kind: 'undecided'; readonly detail: string }

export interface Verified {
  readonly kind: 'verified'
  readonly primaryFingerprint: string
  readonly signedBy?: string
  readonly but?: 'expired-signature' | 'expired-key' | 'revoked-key'
  /** When keys of the certificate ended, not only those that matter; seconds since 1970, as far as it was said. */
  readonly keyEnds: readonly number[]
  readonly detail: string
}

export interface Refused {
  readonly kind: 'bad-signature'
  readonly detail: string
  /** Why, as far as the tool says: the arithmetic is wrong, or the key did not suit it, or it may be either. */
  readonly because: 'arithmetic' | 'key' | 'either'
}

/** Asks a tool. Never throws: a program that cannot run, is too slow or says too much is undecided. */
export async function ask(tool: Tool, question: Question): Promise<ToolResult> {
  const { signature, keyring, directory } = question
  const args =
    tool.name === 'gpgv'
      ? ['--homedir', directory, '--status-fd', '1', '--keyring', keyring, signature, INHERITED]
      : ['-v', '--keyring', keyring, signature, INHERITED]
  const finished = await run(tool.program, args, question)
  if (typeof finished === 'string') return { kind: 'undecided', detail: `${tool.name}: ${finished}` }
  return tool.name === 'gpgv' ? readGpgv(finished) : readSqv(finished)
}

interface Finished {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * gpgv 2.2 and 2.4, by the status lines of GnuPG's doc/DETAILS. It ends with status 0 for expired and revoked keys too,
 * so the exit status is the least of it; verified is exactly one signature, one verdict and one VALIDSIG.
 */
export function readGpgv({ status, stdout }: Finished): ToolResult {
  const lines = stdout
    .split('\n')
    .filter(line => line.startsWith('[GNUPG:] '))
    .map(line => line.slice('[GNUPG:] '.length).split(' '))
  const all = (keyword: string) => lines.filter(([first]) => first === keyword)
  const verdicts = lines.filter(([first]) => first !== undefined && first in GPGV_KINDS)
  const [verdict] = verdicts
  if (verdict === undefined || verdicts.length > 1 || all('NEWSIG').length !== 1) {
    return { kind: 'undecided', detail: `gpgv: exit status ${status}, ${verdicts.length} verdicts` }
  }
  const keyword = verdict[0] as keyof typeof GPGV_KINDS
  const detail = `gpgv: ${printable(verdict.slice(0, 2).join(' '))}`
  if (keyword === 'ERRSIG') return readErrsig(verdict, detail)
  const kind = GPGV_KINDS[keyword]
  if (kind === 'bad-signature') return { kind, detail, because: 'arithmetic' }
  const [valid, another] = all('VALIDSIG')
  const primaryFingerprint = valid?.[10]
  const signedBy = valid?.[1]
  if (status !== 0 || another !== undefined || primaryFingerprint === undefined || signedBy === undefined) {
    return { kind: 'undecided', detail: `gpgv: exit status ${status} and ${keyword}` }
  }
  // gpgv 2.2 says 0 for a subkey that ended with its primary key alone.
  const keyEnds = all('KEYEXPIRED').flatMap(([, end]) => (Number(end) > 0 ? [Number(end)] : []))
  const verified = { kind: 'verified', primaryFingerprint, signedBy, keyEnds, detail } as const
  return kind === 'good' ? verified : { ...verified, but: kind }
}

const GPGV_KINDS = {
  GOODSIG: 'good',
  BADSIG: 'bad-signature',
  EXPSIG: 'expired-signature',
  EXPKEYSIG: 'expired-key',
  REVKEYSIG: 'revoked-key',
  ERRSIG: 'undecided',
} as const

/**
 * `ERRSIG keyid pkalgo hashalgo class time rc fpr`: rc 4 is an unsupported algorithm, and 6 what gpgv 2.2 says of a key
 * whose own signatures name it by fingerprint alone. A missing public key (9) is a bad signature here: the certificate
 * has the key, but it is no key of its own that may sign.
 */
function readErrsig(line: readonly string[], detail: string): ToolResult {
  const code = line[6] ?? ''
  if (code === '4') return { kind: 'undecided', detail: `gpgv: algorithm ${printable(line[2] ?? '')}` }
  if (code === '6') return { kind: 'undecided', detail: 'gpgv: it cannot use the key' }
  const reason = ERRSIG_REASONS[code] ?? `error ${printable(code)}`
  return { kind: 'bad-signature', detail: `${detail}, ${reason}`, because: 'key' }
}

const ERRSIG_REASONS: Readonly<Record<string, string>> = {
  1: 'the subkey never signed that it belongs to the key',
  9: 'the certificate has no such key that may sign',
  39: 'dated before its key was made',
}

/**
 * sqv 1.1 to 1.5: status 0 and the fingerprint of the certificate for a good signature. Status 1 stands for all else, a
 * signature that it does not understand included; that it judged one and found it wanting is only in its prose. Good to
 * it is a signature by a key that was alive when it was made.
 */
export function readSqv({ status, stdout, stderr }: Finished): ToolResult {
  const [fingerprint = ''] = /^(?:[0-9A-F]{40}|[0-9A-F]{64})(?=\n$)/.exec(stdout) ?? []
  if (status === 0 && fingerprint !== '') {
    return { kind: 'verified', primaryFingerprint: fingerprint, keyEnds: [], detail: 'sqv' }
  }
  const lines = stderr.trimEnd().split('\n')
  if (status === 1 && stdout === '' && lines.at(-1)?.startsWith('0 of 1 signatures are valid')) {
    const reason = lines.find(line => line.startsWith('  ')) ?? 'refused'
    const because = lines[0]?.endsWith(' is not bound:') ? 'key' : 'either'
    return { kind: 'bad-signature', detail: `sqv: ${printable(reason.trim(), 200)}`, because }
  }
  return { kind: 'undecided', detail: `sqv: ${printable(lines[0] || `exit status ${status}`, 200)}` }
}

/** The file as the child sees it: the fourth descriptor, so the very file that was opened and not its name. */
const INHERITED = '/dev/fd/3'

/** Runs a program with an environment of its own; in place of how it ended, why it did not. */
function run(program: string, args: readonly string[], question: Question): Promise<Finished | string> {
  return new Promise(resolve => {
    const child = spawn(program, args, {
      env: { PATH: PROGRAM_DIRECTORIES.join(':'), LC_ALL: 'C', HOME: question.directory },
      cwd: question.directory,
      stdio: ['ignore', 'pipe', 'pipe', question.data.fd],
      signal: deadlineSignal(),
      killSignal: 'SIGKILL',
    })
    let failure: string | undefined
    const giveUp = (reason: string) => {
      failure ??= reason
      child.kill('SIGKILL')
    }
    const timer = setTimeout(() => giveUp(`no answer after ${TIME_LIMIT / 1000} seconds`), TIME_LIMIT)
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        output[name] += text
        if (output[name].length > OUTPUT_LIMIT) giveUp('more output than any answer has')
      })
    }
    child.on('error', error => giveUp(printable(error.message)))
    child.on('close', status => {
      clearTimeout(timer)
      resolve(failure ?? (status === null ? 'ended by a signal' : { status, ...output }))
    })
  })
}
