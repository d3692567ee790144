/** Signs with GnuPG, whose agent has the key or talks to the smartcard that has it. */
import { spawn } from 'node:child_process'
import { realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isatty } from 'node:tty'
import { findProgram, PROGRAM_DIRECTORIES } from '../../files/programs.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { parseFingerprint } from '../../policy/language/keys.ts'
import type { OpenPgpKey } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import { certificateFingerprints, isModernHash } from '../openpgp/certificate.ts'
import type { SignerParts } from './signer.ts'
import { SignerError } from './signer-error.ts'

/** Milliseconds: somebody may have to look for a smartcard and its PIN. */
const TIME_LIMIT = 300_000
const OUTPUT_LIMIT = 4 * 1024 * 1024

/**
 * Variables that the agent and its PIN entry need. GNUPGHOME selects the keys. Nothing else of the
 * user's configuration is used: a line in gpg.conf could change the kind of signature that gpg
 * makes.
 */
const ENVIRONMENT = [
  'HOME',
  'GNUPGHOME',
  'GPG_TTY',
  'TERM',
  'DISPLAY',
  'WAYLAND_DISPLAY',
  'XAUTHORITY',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
] as const

/**
 * Opens the key with this fingerprint, a primary key or subkey. Throws SignerError or FormatError.
 */
export async function openGpgSigner(name: string): Promise<SignerParts> {
  const isExact = name.endsWith('!')
  const wanted = parseFingerprint(isExact ? name.slice(0, -1) : name)
  const certificate = await exportCertificate(wanted)
  const [fingerprint, another] = certificateFingerprints(certificate)
  if (fingerprint === undefined) throw new SignerError(`GnuPG has no key ${wanted}`)
  if (another !== undefined) throw new SignerError(`GnuPG has several certificates for ${wanted}`)
  const directory = makeScratch('signer', '/tmp')
  const file = join(directory, 'certificate.pgp')
  writeFileSync(file, certificate)
  const key: OpenPgpKey = {
    kind: 'openpgp',
    identity: `openpgp:${fingerprint}`,
    label: fingerprint,
    fingerprint,
    certificate: file,
  }
  return {
    label: `GnuPG's key ${fingerprint}`,
    key,
    sign: message => detachedSignature(isExact ? `${wanted}!` : wanted, message),
    close: () => removeScratch(directory),
  }
}

async function exportCertificate(fingerprint: string): Promise<Buffer> {
  const { status, stdout } = await gpg(['--export-options', 'export-minimal', '--export', fingerprint])
  if (status !== 0 || stdout.length === 0) throw new SignerError(`GnuPG has no key ${fingerprint}`)
  return stdout
}

async function detachedSignature(user: string, message: Uint8Array): Promise<Uint8Array> {
  const args = [
    '--digest-algo',
    'SHA512',
    '--no-armor',
    '--local-user',
    user,
    '--output',
    '-',
    '--detach-sign',
  ]
  const { status, stdout, stderr, said } = await gpg(args, message)
  const created = said.filter(([keyword]) => keyword === 'SIG_CREATED')
  const [line, another] = created
  if (status !== 0 || line === undefined || another !== undefined) {
    throw new SignerError(`GnuPG did not sign: ${whyNot(stderr)}`)
  }
  // GnuPG's doc/DETAILS: SIG_CREATED <type> <key algorithm> <hash algorithm> <class> <time>
  // <fingerprint>
  const [, type, , hash = '', signatureClass] = line
  if (type !== 'D' || signatureClass !== '00' || !isModernHash(Number(hash))) {
    throw new SignerError(`GnuPG made another signature than it was asked for: ${printable(line.join(' '))}`)
  }
  return new Uint8Array(stdout)
}

/** The last error that GnuPG printed. */
function whyNot(stderr: string): string {
  const complaints = stderr.split('\n').filter(line => line.startsWith('gpg: '))
  return printable(complaints.at(-1)?.slice('gpg: '.length) ?? 'no reason given', 200)
}

interface GpgOutput {
  readonly status: number | null
  readonly stdout: Buffer
  readonly stderr: string
  /** Its status lines, split into words. */
  readonly said: readonly (readonly string[])[]
}

/**
 * Runs gpg without the user's gpg.conf. Throws SignerError if it is not installed or takes too
 * long.
 */
function gpg(args: readonly string[], input: Uint8Array = new Uint8Array()): Promise<GpgOutput> {
  const program = findProgram('gpg')
  if (program === undefined) return Promise.reject(new SignerError('GnuPG (gpg) is not installed'))
  const common = ['--no-options', '--batch', '--no-tty', '--quiet', '--status-fd', '3']
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...common, ...args], {
      env: environment(),
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    })
    const giveUp = (reason: string) => {
      child.kill('SIGKILL')
      reject(new SignerError(`GnuPG ${reason}`))
    }
    const timer = setTimeout(() => giveUp(`gave no answer for ${TIME_LIMIT / 1000} seconds`), TIME_LIMIT)
    const outputs = [child.stdout, child.stderr, child.stdio[3]].map(stream => {
      const pieces: Buffer[] = []
      let length = 0
      stream?.on('data', (piece: Buffer) => {
        pieces.push(piece)
        length += piece.length
        if (length > OUTPUT_LIMIT) giveUp('prints more than any answer has')
      })
      return pieces
    })
    child.on('error', error => giveUp(`cannot run: ${printable(error.message)}`))
    child.on('close', status => {
      clearTimeout(timer)
      const [stdout, stderr, said] = outputs.map(pieces => Buffer.concat(pieces))
      const words = statusLines(said?.toString('utf8') ?? '')
      resolve({
        status,
        stdout: stdout ?? Buffer.alloc(0),
        stderr: stderr?.toString('utf8') ?? '',
        said: words,
      })
    })
    // A program that ends before it has read everything reports that by its status.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

function statusLines(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter(line => line.startsWith('[GNUPG:] '))
    .map(line => line.slice('[GNUPG:] '.length).split(' '))
}

function environment(): NodeJS.ProcessEnv {
  const kept = ENVIRONMENT.flatMap(name => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  const terminal = terminalName()
  const tty = terminal === undefined ? {} : { GPG_TTY: terminal }
  return { ...tty, ...Object.fromEntries(kept), PATH: PROGRAM_DIRECTORIES.join(':'), LC_ALL: 'C' }
}

/** The terminal for a PIN entry in text mode: GnuPG itself only sees our pipes. */
function terminalName(): string | undefined {
  const fd = [0, 1, 2].find(number => isatty(number))
  return fd === undefined ? undefined : realpathSync(`/proc/self/fd/${fd}`)
}
