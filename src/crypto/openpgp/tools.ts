/**
 * The two programs that verify OpenPGP signatures for nixsig: gpgv (GnuPG) and sqv (Sequoia). Each
 * run judges one signature packet with one certificate, so its answer cannot be about anything
 * else.
 */
import { spawn } from 'node:child_process'
import { deadlineSignal } from '../../files/deadline.ts'
import { PROGRAM_DIRECTORIES } from '../../files/programs.ts'
import { printable } from '../../primitives/printable.ts'
import type { OpenedFile } from '../detached/opened-file.ts'

const TIME_LIMIT = 300_000
const OUTPUT_LIMIT = 256 * 1024

/** An installed verification tool. */
export interface Tool {
  readonly name: 'gpgv' | 'sqv'
  /** Absolute path. */
  readonly program: string
}

/**
 * One question to a tool. Paths are absolute; `directory` is private and contains nothing but the
 * other two.
 */
export interface Question {
  readonly data: OpenedFile
  /** A file with one binary signature packet. */
  readonly signature: string
  /** A file with one binary certificate. */
  readonly keyring: string
  readonly directory: string
}

/**
 * A tool's answer. `verified`: the arithmetic is right for a key of the certificate with this
 * primary fingerprint. It tells which of its keys that was, and what else gpgv says about the keys
 * or the signature. `undecided`: the tool could not or did not judge the signature, so nothing is
 * known about it.
 */
export type ToolResult = Verified | Refused | { readonly kind: 'undecided'; readonly detail: string }

/** The arithmetic of a signature is right. */
export interface Verified {
  readonly kind: 'verified'
  readonly primaryFingerprint: string
  readonly signedBy?: string
  readonly but?: 'expired-signature' | 'expired-key' | 'revoked-key'
  /**
   * When keys of the certificate expired, including irrelevant ones, in seconds since 1970, where
   * stated.
   */
  readonly keyEnds: readonly number[]
  readonly detail: string
}

/** A tool refused a signature. */
export interface Refused {
  readonly kind: 'bad-signature'
  readonly detail: string
  /** The reason as far as the tool tells: wrong arithmetic, an unsuitable key, or either. */
  readonly because: 'arithmetic' | 'key' | 'either'
}

/**
 * Asks a tool. Never throws: the answer is `undecided` if the program cannot run, is too slow or
 * prints too much.
 */
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
 * Reads the status lines of gpgv 2.2 and 2.4 (GnuPG's doc/DETAILS). It exits with status 0 for
 * expired and revoked keys too, so the exit status tells little. `verified` takes exactly one
 * signature, one verdict and one VALIDSIG.
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
  // gpgv 2.2 prints 0 for a subkey that only expired because its primary key did.
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
 * `ERRSIG keyid pkalgo hashalgo class time rc fpr`: rc 4 is an unsupported algorithm; gpgv 2.2
 * prints rc 6 for a key whose own signatures name it by fingerprint alone. A missing public key (9)
 * is a bad signature here: the certificate contains the key, but it is not bound or may not sign.
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
 * Reads the answer of sqv 1.1 to 1.5: status 0 and the fingerprint of the certificate for a good
 * signature. Status 1 stands for everything else, including a signature that it does not
 * understand; only its prose tells that it judged one and refused it. A signature counts as good if
 * its key was valid when it was made.
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

/**
 * The file as the child process sees it: descriptor 3, so exactly the file that was opened,
 * whatever its name leads to.
 */
const INHERITED = '/dev/fd/3'

/**
 * Runs a program with an environment of its own. Returns how it ended, or a text that says why it
 * did not.
 */
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
