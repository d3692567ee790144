import { homedir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Where a user keeps what is nixsig's (XDG Base Directory Specification); absolute paths. */
export interface OwnPlaces {
  /** A policy of the user's own. */
  readonly policy: string
  /** Keys of the user's own: `NAME.secret` and `NAME.pub`. */
  readonly keys: string
  /** What is remembered between runs. */
  readonly state: string
}

/**
 * These places, whether anything is there or not. A variable that is not absolute is passed over.
 */
export function ownPlaces(environment: NodeJS.ProcessEnv = process.env): OwnPlaces {
  const base = (name: string, usual: string) => {
    const set = environment[name] ?? ''
    return join(isAbsolute(set) ? set : join(home(), usual), 'nixsig')
  }
  return {
    policy: join(base('XDG_CONFIG_HOME', '.config'), 'policy.toml'),
    keys: join(base('XDG_DATA_HOME', '.local/share'), 'keys'),
    state: base('XDG_STATE_HOME', '.local/state'),
  }
}

/** The home directory, also where HOME names none. */
function home(): string {
  const named = homedir()
  return isAbsolute(named) ? named : userInfo().homedir
}
