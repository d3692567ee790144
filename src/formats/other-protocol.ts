/**
 * Messages that a key signs for another purpose than to approve a file. A bare signature does not
 * say what it was made for, so a file that reads as one of these messages cannot be a release.
 */

/** How many bytes of a message are looked at. */
export const PROTOCOL_HEAD = 4096

/** RFC 4252, section 7: what a client signs to log in, after the session id. */
const USERAUTH_REQUEST = 50
const SESSION_ID_LIMIT = 256

/** The protocol whose messages begin with these bytes; undefined if no known one does. */
export function protocolOf(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, PROTOCOL_HEAD))
  const text = bytes.toString('latin1')
  return (
    PROTOCOLS.find(([, form]) => form.test(text))?.[0] ?? (isSshLogin(bytes) ? 'an SSH login' : undefined)
  )
}

const PROTOCOLS: readonly (readonly [string, RegExp])[] = [
  // secure-systems-lab/dsse, protocol.md, and the version before it
  ['an envelope (DSSE)', /^DSSEv\d+ /],
  // openssh-portable, PROTOCOL.sshsig: the magic of a signature, and of the data that is signed
  ['an SSH signature', /^SSHSIG/],
  // Nix, ValidPathInfo::fingerprint
  ["a store path's narinfo (Nix)", /^\d+;\/[^\n;]*;/],
  // git, Documentation/gitformat-signature: a commit or a tag without its signature
  ['a git commit', /^tree (?:[0-9a-f]{40}|[0-9a-f]{64})\n(?:parent|author) /],
  ['a git tag', /^object (?:[0-9a-f]{40}|[0-9a-f]{64})\ntype [a-z]+\ntag /],
  // git-sig, see git-sig.ts
  ['a note about a git commit (git-sig)', /^sig:v\d+:[0-9a-f]{40,64}:[0-9a-f]{40,64}:/],
  // gitprotocol-pack, push certificates
  ['a git push', /^certificate version \d+\.\d+\npusher /],
  // RFC 8446, section 4.4.3
  ['a TLS handshake', /^ {64}TLS 1\.3, /],
  // C2SP, tlog-checkpoint.md
  ['the state of a log', /^[^\n]+\n(?:0|[1-9]\d*)\n[A-Za-z0-9+/]{43}=\n/],
  // RFC 7515, section 5.1
  ['a JSON web token', /^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/],
]

/** Whether it consists of a session id, the request, a user and a service. */
function isSshLogin(bytes: Buffer): boolean {
  if (bytes.length < 5) return false
  const length = bytes.readUInt32BE()
  const behind = 4 + length
  if (length > SESSION_ID_LIMIT || bytes[behind] !== USERAUTH_REQUEST || bytes.length < behind + 5)
    return false
  const user = behind + 5 + bytes.readUInt32BE(behind + 1)
  if (bytes.length < user + 4) return false
  const service = bytes.subarray(user + 4, user + 4 + bytes.readUInt32BE(user)).toString('latin1')
  return service.startsWith('ssh-')
}
