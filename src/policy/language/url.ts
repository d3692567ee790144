import { ALONE, complain, type Node, plainStringOf } from './fields.ts'

const URL_LIMIT = 1024

/**
 * A URL with one of these protocols, without a slash at the end. It has only one spelling, so that
 * duplicates are noticed. Anything else is recorded and undefined.
 */
export function readUrl(node: Node | undefined, protocols: readonly string[]): string | undefined {
  const text = plainStringOf(node, URL_LIMIT)
  if (node === undefined || text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !protocols.includes(url.protocol.slice(0, -1))) {
    const beginnings = protocols.map(protocol => `"${protocol}://"`).join(' or ')
    return complain(node, `must be an address that begins with ${beginnings}`, ALONE)
  }
  if (url.username !== '' || url.password !== '')
    return complain(node, 'must not have a user name or password', ALONE)
  if (url.protocol === 'file:' && url.host !== '')
    return complain(node, 'must be of this machine: file:///…', ALONE)
  if (/[?#]/.test(text)) return complain(node, 'must not have a query or fragment', ALONE)
  const [plain, written] = [url.href, text].map(one => one.replace(/\/+$/, ''))
  if (plain !== written) return complain(node, `is to be written "${plain}"`, ALONE)
  return plain
}
