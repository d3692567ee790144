/**
 * AWS's usual credentials, found by AWS's own library: the environment, the files in the user's
 * home directory, and the metadata of a container or machine. Slow to load, so it is only reached
 * by `import()`.
 */
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { within } from '../../../files/deadline.ts'
import { SourceError } from '../../../http/source-error.ts'
import { printable } from '../../../primitives/printable.ts'

/** Credentials for one request. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Finds credentials again where that is needed. */
export interface CredentialSource {
  /** Undefined if there are none. Throws SourceError if there are some that cannot be had. */
  find(): Promise<Credentials | undefined>
  /** Looks for them anew the next time: those that were found do not work. */
  forget(): void
}

/** Milliseconds for which it is remembered that there are none. */
const NONE = 60_000

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, trace: () => {} }

/**
 * Opens a source of credentials. The files are those of the user who runs this program, whatever
 * HOME says: a program that one of them names would run as this user. `timeout`: milliseconds.
 */
export function openCredentials(profile: string | undefined, timeout: number): CredentialSource {
  let provider = providerOf(profile)
  let noneUntil = 0
  return {
    async find() {
      if (performance.now() < noneUntil) return undefined
      const late = () => new SourceError('AWS credentials were not found in time', { isPassing: true })
      try {
        return await within({ milliseconds: timeout, late }, () => provider())
      } catch (error) {
        if (error instanceof SourceError) throw error
        const message = error instanceof Error ? error.message : String(error)
        if (!/^Could not load credentials from any providers/.test(message))
          throw new SourceError(`no AWS credentials: ${printable(message, 200)}`, { isPassing: false })
        noneUntil = performance.now() + NONE
        return undefined
      }
    },
    forget() {
      provider = providerOf(profile)
      noneUntil = 0
    },
  }
}

function providerOf(profile: string | undefined) {
  const home = userInfo().homedir
  return defaultProvider({
    ...(profile === undefined ? {} : { profile }),
    filepath: process.env['AWS_SHARED_CREDENTIALS_FILE'] ?? join(home, '.aws/credentials'),
    configFilepath: process.env['AWS_CONFIG_FILE'] ?? join(home, '.aws/config'),
    logger: SILENT,
  })
}
