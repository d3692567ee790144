/** The gate's answers, in the forms that Nix understands. */
import { STORE_DIR } from '../formats/nix/store-path.ts'
import type { GateSettings } from '../policy/gate-settings.ts'
import type { GateResponse } from './http-request.ts'

const TEXT = { 'content-type': 'text/plain; charset=utf-8' }
/** Without `accept-ranges`, Nix does not resume a transfer that broke off. */
export const NAR_HEADERS = { 'content-type': 'application/x-nix-nar', 'accept-ranges': 'bytes' }
const NARINFO = { 'content-type': 'text/x-nix-narinfo' }

/** Nix then asks for many paths at once, and asks this cache before most others. */
const CACHE_INFO = `StoreDir: ${STORE_DIR}\nWantMassQuery: 1\nPriority: 30\n`

/** A narinfo file, given in its text form. */
export function narinfo(body: Buffer): GateResponse {
  return { status: 200, headers: NARINFO, body }
}

/** The answer to `/nix-cache-info`. */
export function cacheInfo(): GateResponse {
  return { status: 200, headers: { 'content-type': 'text/x-nix-cache-info' }, body: Buffer.from(CACHE_INFO) }
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
