/** How this machine's Nix gets to the store of an upstream. */
import { join } from 'node:path'
import { storeParameters } from '../../../formats/nix/store-address.ts'
import type { OtherStore } from '../../../store/other-daemon.ts'

/** A store behind an address that the policy's language accepted. */
export interface StoreAddress {
  readonly kind: 'ssh' | 'local'
  /** What to open. */
  readonly store: OtherStore
  /**
   * For `ssh://`, whose protocol cannot be asked by hash part: the same over it, where `store` is
   * that of `ssh-ng://` on the same host.
   */
  readonly legacy?: OtherStore
  /** The database of a local store. */
  readonly database?: string
}

/** Seconds after which ssh gives up a host that went away, in two steps. */
const ALIVE = 15

/** Reads an address; `timeout`: milliseconds for a connection. */
export function readStoreAddress(text: string, timeout: number): StoreAddress {
  if (!/^ssh(?:-ng)?:/.test(text)) return readLocal(text)
  const sshOptions = optionsOf(text, timeout)
  const remote = text.replace(/^(ssh(?:-ng)?:\/\/[^/?]*?)(?::[0-9]+)?(?=[/?]|$)/, '$1')
  if (text.startsWith('ssh-ng:')) return { kind: 'ssh', store: { remote, sshOptions } }
  const modern = remote
    .replace(/^ssh:/, 'ssh-ng:')
    .replace(/([?&]remote-program=[^&]*?)nix-store(?=&|$)/, '$1nix-daemon')
  return { kind: 'ssh', store: { remote: modern, sshOptions }, legacy: { remote, sshOptions } }
}

function readLocal(text: string): StoreAddress {
  const parameters = storeParameters(text)
  const root = text.startsWith('/') ? text : (parameters.get('root') ?? '/')
  const state = parameters.get('state') ?? join(root, 'nix/var/nix')
  return {
    kind: 'local',
    store: { remote: text, sshOptions: [] },
    database: join(state, 'db/db.sqlite'),
  }
}

/**
 * Options of ssh: it asks nobody anything, takes no host whose key it does not know, and passes on
 * nothing of this machine. Nix 2.8 does not know a port in an address.
 */
function optionsOf(text: string, timeout: number): readonly string[] {
  const { port, hostname } = new URL(text)
  const hasKey = storeParameters(text).has('base64-ssh-public-host-key')
  return [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    `ConnectTimeout=${Math.ceil(timeout / 1000)}`,
    `ServerAliveInterval=${ALIVE}`,
    'ServerAliveCountMax=2',
    'ForwardAgent=no',
    'ForwardX11=no',
    'ClearAllForwardings=yes',
    'ControlPath=none',
    ...(port === '' ? [] : [`Port=${port}`]),
    // Nix writes the key down under the host's name, whatever its port is.
    ...(port === '' || !hasKey ? [] : [`HostKeyAlias=${hostname}`]),
  ].map(option => `-o${option}`)
}
