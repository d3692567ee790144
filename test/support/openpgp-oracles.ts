/**
 * The verdicts of GnuPG and Sequoia on a signature, from their ordinary commands and parsed without
 * nixsig's code.
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tool } from '../../src/crypto/openpgp/tools.ts'

/**
 * The keyword of gpgv's verdict; `GOODSIG` and `EXPKEYSIG` only if gpgv also says that the
 * signature is valid.
 */
export type GpgvVerdict = 'GOODSIG' | 'BADSIG' | 'EXPSIG' | 'EXPKEYSIG' | 'REVKEYSIG' | 'ERRSIG' | 'none'

export interface Oracles {
  readonly gpgv: GpgvVerdict
  /**
   * When it was made, and when its key or the primary key first ends, according to GnuPG; seconds
   * since 1970.
   */
  readonly signedAt: number
  readonly keyEnd: number
  readonly sqv: { readonly good: boolean; readonly says: string }
}

export interface Files {
  readonly certificate: string
  readonly signature: string
  readonly file: string
}

/** Asks both; `dir` is a directory of the test. */
export async function askOracles(
  tools: { readonly gpgv: Tool; readonly sqv: Tool },
  { certificate, signature, file }: Files,
  dir: string,
): Promise<Oracles> {
  const [gpgv, sqv] = await Promise.all([
    run(tools.gpgv.program, [
      '--homedir',
      dir,
      '--status-fd',
      '1',
      '--keyring',
      keyringOf(certificate, dir),
      signature,
      file,
    ]),
    run(tools.sqv.program, ['-v', '--keyring', certificate, signature, file]),
  ])
  const [, signer = '', signedAt, primary = ''] =
    /^\[GNUPG:\] VALIDSIG (\S+) \S+ (\d+) .* (\S+)$/m.exec(gpgv.stdout) ?? []
  const ends = signer === '' ? [] : await endsOf([signer, primary], certificate, dir)
  const verdict = readVerdict(gpgv.stdout)
  return {
    gpgv: verdict,
    signedAt: Number(signedAt),
    keyEnd: Math.min(...ends),
    sqv: { good: sqv.status === 0, says: sqv.stderr },
  }
}

/**
 * Reads gpg's colon listing (doc/DETAILS of GnuPG): the line of a key has its end, the next one its
 * fingerprint.
 */
async function endsOf(
  fingerprints: readonly string[],
  certificate: string,
  dir: string,
): Promise<readonly number[]> {
  const args = ['--homedir', dir, '--with-colons', '--show-keys', keyringOf(certificate, dir)]
  const { stdout } = await run('/usr/bin/gpg', args)
  return [...stdout.matchAll(/^(?:pub|sub):(?:[^:]*:){5}(\d*):.*\nfpr:+([0-9A-F]+):/gm)]
    .filter(([, end, fingerprint = '']) => end !== '' && fingerprints.includes(fingerprint))
    .map(([, end]) => Number(end))
}

function readVerdict(status: string): GpgvVerdict {
  const [, verdict] = /^\[GNUPG:\] (GOODSIG|BADSIG|EXPSIG|EXPKEYSIG|REVKEYSIG|ERRSIG) /m.exec(status) ?? []
  const isValid = /^\[GNUPG:\] VALIDSIG /m.test(status)
  if (verdict === undefined || (verdict.endsWith('GOODSIG') && !isValid)) return 'none'
  return verdict as GpgvVerdict
}

const keyrings = new Map<string, string>()

/**
 * The certificate file in the form that gpgv accepts: binary, with all armoured blocks
 * concatenated.
 */
function keyringOf(certificate: string, dir: string): string {
  const known = keyrings.get(certificate)
  if (known !== undefined) return known
  const bytes = readFileSync(certificate)
  const text = bytes.toString('latin1').replaceAll('\r', '')
  const blocks = [...text.matchAll(/^-----BEGIN PGP.*\n(?:.+\n)*\s*\n([A-Za-z0-9+/=\s]*)^-----END/gm)]
  const binary = blocks.map(([, block = '']) => Buffer.from(block.replace(/^=.{4}$/m, ''), 'base64'))
  const keyring = join(dir, `keyring-${keyrings.size}.gpg`)
  writeFileSync(keyring, blocks.length === 0 ? bytes : Buffer.concat(binary))
  keyrings.set(certificate, keyring)
  return keyring
}

function run(
  program: string,
  args: readonly string[],
): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    const child = execFile(
      program,
      args,
      { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } },
      (_, stdout, stderr) => {
        resolve({ status: child.exitCode ?? -1, stdout, stderr })
      },
    )
  })
}
