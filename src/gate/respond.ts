/** The gate's answers, in the forms that Nix understands. */
import type { Standing } from '../evidence/upstreams/standing.ts'
import { STORE_DIR } from '../formats/nix/store-path.ts'
import type { GateSettings } from '../policy/gate-settings.ts'
import type { GateResponse } from './http-request.ts'

const TEXT = { 'content-type': 'text/plain; charset=utf-8' }
const NARINFO = { 'content-type': 'text/x-nix-narinfo' }

/** As long as it is not known what an upstream wants: before most other caches. */
const PRIORITY = 30

/** A narinfo file, given in its text form. */
export function narinfo(body: Buffer): GateResponse {
  return { status: 200, headers: NARINFO, body }
}

/**
 * The answer to `/nix-cache-info`: Nix asks for many paths at once if an upstream wants that, and
 * asks this cache as soon as it would ask the best of them. What is not known yet counts as wanted.
 */
export function cacheInfo(standings: readonly Standing[]): GateResponse {
  const isWanted = standings.length === 0 || standings.some(one => one.wantsMassQuery || !one.isKnown)
  const isKnown = standings.length > 0 && standings.every(one => one.isKnown)
  const priority = isKnown ? Math.min(...standings.map(one => one.priority)) : PRIORITY
  const info = [`StoreDir: ${STORE_DIR}`, `WantMassQuery: ${isWanted ? 1 : 0}`, `Priority: ${priority}`]
  const headers = { 'content-type': 'text/x-nix-cache-info' }
  return { status: 200, headers, body: Buffer.from(`${info.join('\n')}\n`) }
}

/** An answer of text that is escaped already; a line break is added. */
export function text(status: number, words: string): GateResponse {
  return { status, headers: TEXT, body: Buffer.from(`${words}\n`, 'utf8') }
}

/**
 * A refusal. 451 makes Nix fail and show the first 1024 bytes of the body. After 404 Nix builds the
 * path, and its hooks judge it.
 */
export function refused(onRefusal: GateSettings['onRefusal'], words: string): GateResponse {
  return text(onRefusal === 'fail' ? 451 : 404, words)
}

/** 404: Nix goes on as it would without this cache. */
export function notFound(): GateResponse {
  return text(404, 'not here')
}
