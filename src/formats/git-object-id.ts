/** The whole id of a git object: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits. */
export const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/
