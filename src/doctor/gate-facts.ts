import { join } from 'node:path'
import { readOwnedFile } from '../files/owned-file.ts'
import { type NixPublicKey, parseNixPublicKey } from '../formats/nix/nix-key.ts'
import { askResident } from '../gate/ask-resident.ts'
import type { Policy } from '../policy/policy.ts'
import type { Learned } from './door.ts'
import type { GateFacts, HttpAnswer } from './facts.ts'
import { learn } from './learn.ts'
import { madeUpPath } from './made-up.ts'

const TIMEOUT = 8000
const ANSWER_LIMIT = 4096

/**
 * The gate's address, if it is not on this machine; its keys, if they are not the one in the state
 * directory.
 */
export interface NamedGate {
  readonly url: string | undefined
  readonly keys: readonly NixPublicKey[]
}

/** Asks the gate, over its socket and over HTTP. */
export async function askGate(policy: Learned<Policy>, state: string, named: NamedGate): Promise<GateFacts> {
  const urls: GateFacts['urls'] =
    named.url !== undefined
      ? { value: [named.url] }
      : 'problem' in policy
        ? policy
        : { value: urlsOf(policy.value.gate.listen) }
  const { path, digest, narHash } = madeUpPath()
  const [keys, socket, health, narinfo] = await Promise.all([
    learn(() => (named.keys.length > 0 ? named.keys : readKey(state)), TIMEOUT),
    learn(() => askResident({ kind: 'admit', path, narHash }), TIMEOUT),
    learn(() => get(urls, 'health'), TIMEOUT),
    learn(() => get(urls, `${digest}.narinfo`), TIMEOUT),
  ])
  return { urls, keys, socket, health, narinfo }
}

/** The addresses by which a gate listening there may be known on its own machine. */
function urlsOf({ host, port }: Policy['gate']['listen']): readonly string[] {
  const hosts =
    host === '0.0.0.0' ? ['127.0.0.1'] : host === '::' ? ['[::1]', '127.0.0.1'] : [shownHost(host)]
  return [...hosts, 'localhost'].map(name => `http://${name}:${port}`)
}

function shownHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function readKey(state: string): readonly NixPublicKey[] {
  const text = readOwnedFile(join(state, 'gate.pub'), ANSWER_LIMIT)?.toString('utf8')
  return text === undefined ? [] : [parseNixPublicKey(text.trimEnd())]
}

async function get(urls: GateFacts['urls'], path: string): Promise<HttpAnswer> {
  if ('problem' in urls) throw new Error('the address of the gate is not known')
  const url = `${urls.value[0]}/${path}`
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT) })
    return { status: response.status, text: (await response.text()).slice(0, ANSWER_LIMIT) }
  } catch (error) {
    const { message, cause } = error as Error
    throw new Error(`no answer from ${url}: ${cause instanceof Error ? cause.message : message}`)
  }
}
