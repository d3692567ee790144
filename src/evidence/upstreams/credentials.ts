import { readProtectedFile } from '../../files/owned-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { NETRC_LIMIT, netrcCredentials } from '../../formats/netrc.ts'
import { isThisMachine } from '../../http/addresses.ts'
import { readSecretHeader } from '../../http/secret-file.ts'
import { versionsOf } from '../../http/versions.ts'
import type { UpstreamSettings } from '../../policy/gate-settings.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'

/** The value of the Authorization header for an upstream; undefined if nothing is sent. */
export type Authorization = () => string | undefined

/**
 * What is sent to an upstream: what its own file holds, else the name and the password that the
 * netrc file has for its host, but only over https or to this machine. Files are read again when
 * they have changed. The returned function throws FileError, which quotes no secret.
 */
export function authorizationFor(settings: UpstreamSettings, netrcFile: string | undefined): Authorization {
  const { url, authorization } = settings
  if (authorization !== undefined) return () => readSecretHeader(authorization, 'authorization')
  const { protocol, hostname } = new URL(url)
  if (netrcFile === undefined || (protocol !== 'https:' && !isThisMachine(hostname))) return () => undefined
  const host = hostname.replace(/^\[|\]$/g, '')
  let known: { readonly version: string; readonly value: string | undefined } | undefined
  return () => {
    const version = versionsOf([netrcFile])
    if (known?.version !== version) known = { version, value: basicFrom(netrcFile, host) }
    return known.value
  }
}

function basicFrom(file: string, host: string): string | undefined {
  try {
    // As bytes: what is not ASCII is sent as it stands there.
    const found = netrcCredentials(readProtectedFile(file, NETRC_LIMIT).toString('latin1'), host)
    if (found === undefined) return undefined
    return `Basic ${Buffer.from(`${found.login}:${found.password}`, 'latin1').toString('base64')}`
  } catch (error) {
    if (error instanceof FormatError) throw new FileError(`${printable(file)}: ${error.message}`)
    throw error
  }
}
