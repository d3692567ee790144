/** Answers of the gate, in the forms in which Nix understands them. */
import { STORE_DIR } from '../formats/nix/store-path.ts'
import type { GateSettings } from '../policy/policy.ts'
import type { GateResponse } from './http-request.ts'

const TEXT = { 'content-type': 'text/plain; charset=utf-8' }
const NARINFO = { 'content-type': 'text/x-nix-narinfo' }

/** Nix asks for many paths at once, and before most other caches. */
const CACHE_INFO = `StoreDir: ${STORE_DIR}\nWantMassQuery: 1\nPriority: 30\n`

export function narinfo(body: Buffer): GateResponse {
  return { status: 200, headers: NARINFO, body }
}

export function cacheInfo(): GateResponse {
  return { status: 200, headers: { 'content-type': 'text/x-nix-cache-info' }, body: Buffer.from(CACHE_INFO) }
}

/** Escaped text; a line break is added. */
export function text(status: number, words: string): GateResponse {
  return { status, headers: TEXT, body: Buffer.from(`${words}\n`, 'utf8') }
}

/**
 * A refusal. 451 makes Nix fail and show the first 1024 bytes of the body; what is not found Nix builds, where its hooks
 * judge.
 */
export function refused(onRefusal: GateSettings['onRefusal'], words: string): GateResponse {
  return text(onRefusal === 'fail' ? 451 : 404, words)
}

export function notFound(): GateResponse {
  return text(404, 'not here')
}
