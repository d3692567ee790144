/** GnuPG's own database of keys, `pubring.kbx` (GnuPG, doc/DETAILS and kbx/keybox-blob.c). */

/** Where the first blob of a keybox has its mark. */
const MARK = 'KBXf'
const OFFSET = 8

/** What a keybox is, and what to do about it. */
export const KEYBOX = {
  what: 'a keybox of GnuPG, which other programs cannot read',
  next: 'export the key that is meant: gpg --no-default-keyring --keyring ./FILE.kbx --armor --export FINGERPRINT >key.asc',
}

/** Whether a file is a keybox. */
export function isKeybox(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(OFFSET, OFFSET + MARK.length)).toString('latin1') === MARK
}
