/** Other repositories, as a user names them. */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ArgumentError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { gitOutput } from './git-output.ts'
import { layoutOf } from './layout.ts'
import type { OpenRepository } from './open-repository.ts'
import { isFetchable } from './receive.ts'
import { isWrittenAsDirectory } from './written-place.ts'

/** A repository elsewhere, or in a directory of this machine. */
export type Remote = { readonly url: string } | { readonly directory: string }

/**
 * Reads what names another repository: a URL, `user@host:path`, what is written as a directory, or
 * the name of a remote in the configuration of the repository in `place`, of which nothing but the
 * URL is used. Throws FileError.
 */
export async function remoteOf(name: string, place: string, { directory }: OpenRepository): Promise<Remote> {
  const direct = isDirect(name) ? placeOf(name, process.cwd()) : undefined
  if (direct !== undefined) return direct
  if (!/^[A-Za-z0-9][\w./-]{0,99}$/.test(name)) throw unknown(name)
  const file = join(layoutOf(place).directory, 'config')
  const args = ['config', '--file', file, '--no-includes', '--null', '--get', `remote.${name}.url`]
  const { status, output } = await gitOutput({ directory }, args, { limit: 64 * 1024 })
  const url = output.toString('utf8').replace(/\0$/, '')
  const found = status === 0 ? placeOf(url, place) : undefined
  if (found !== undefined) return found
  if (status !== 0 && !/[/.]/.test(name)) throw noRemote(name)
  throw unknown(name)
}

/** Whether a word can be nothing but a place: remotes have no such names. */
function isDirect(name: string): boolean {
  return isWrittenAsDirectory(name) || name.includes(':')
}

function placeOf(name: string, from: string): Remote | undefined {
  if (isFetchable(name) || /^[A-Za-z0-9][\w.-]*@[A-Za-z0-9][\w.-]*:[^:\s-][^\s]*$/.test(name))
    return { url: name }
  const path = name.startsWith('file://') && URL.canParse(name) ? fileURLToPath(name) : resolve(from, name)
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? { directory: path } : undefined
}

function noRemote(name: string): ArgumentError {
  const next = `next: git remote add ${name} URL, or name a URL in its place, or a directory (./${name})`
  return new ArgumentError(`there is no remote named ${name}; ${next}`)
}

function unknown(name: string): ArgumentError {
  return new ArgumentError(
    `${printable(name)} is neither a directory, nor the URL of a git repository (https, ssh or git), nor a remote with one`,
  )
}
