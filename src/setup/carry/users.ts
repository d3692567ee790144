/** Keys that trusted users named for themselves, as Nix let them: in a nix.conf of their own. */
import { readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { readRegularFile } from '../../files/regular-file.ts'
import { parseConf } from '../../nix-config/conf-text.ts'
import { assignment } from '../../nix-config/settings.ts'

const CONF_LIMIT = 256 * 1024
const USER_LIMIT = 200
const KEY_LIMIT = 32
const NAME = /^[a-z_][a-z0-9_.-]{0,31}$/i

/** The files that say which users there are: passwd(5), group(5). */
export interface UserFiles {
  readonly passwd: string
  readonly group: string
}

/**
 * The words of `trusted-public-keys` in the nix.conf of each user whom `trusted` names, as
 * `trusted-users` does. Root's own is not among them. What cannot be read is passed over.
 */
export function keysOfUsers(
  trusted: readonly string[],
  files: UserFiles,
): readonly { readonly user: string; readonly word: string }[] {
  const homes = linesOf(files.passwd).map(([user = '', , , , , home = '']) => ({ user, home }))
  const members = linesOf(files.group).flatMap(([name = '', , , users = '']) =>
    trusted.includes(`@${name}`) ? users.split(',') : [],
  )
  const isTrusted = (user: string) =>
    trusted.includes('*') || trusted.includes(user) || members.includes(user)
  return homes
    .filter(({ user, home }) => user !== 'root' && NAME.test(user) && home.startsWith('/') && isTrusted(user))
    .slice(0, USER_LIMIT)
    .flatMap(({ user, home }) => keysIn(join(home, '.config/nix/nix.conf')).map(word => ({ user, word })))
}

function keysIn(file: string): readonly string[] {
  try {
    const text = readRegularFile(realpathSync.native(file), CONF_LIMIT)?.toString('utf8') ?? ''
    return parseConf(text)
      .flatMap(line => (line.kind === 'setting' ? [assignment(line.name, line.value, file)] : []))
      .filter(({ name }) => name === 'trusted-public-keys')
      .flatMap(({ value }) => value.split(' '))
      .slice(0, KEY_LIMIT)
  } catch {
    return []
  }
}

function linesOf(file: string): readonly (readonly string[])[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map(line => line.split(':'))
  } catch {
    return []
  }
}
