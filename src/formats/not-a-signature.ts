/**
 * Files that people take for detached signatures, and that are something else: what they are, and
 * what to do. Told by how they begin or by the fields of their JSON; nothing here is a check.
 */
import { isKeybox, KEYBOX } from './openpgp/keybox.ts'

/** What a file is, and what to do about it; both fit for a message. */
export interface OtherFile {
  readonly what: string
  readonly next: string
}

/** The object identifiers of Sigstore's certificate authority, as DER has them. */
const SIGSTORE_OID = Buffer.from('2b0601040183bf30', 'hex').toString('latin1')

/** How much of a file is looked at. */
const HEAD_LIMIT = 64 * 1024

const CERTIFICATE: OtherFile = {
  what: 'a certificate, as cosign writes one beside a .sig: neither says when it was signed, so that no identity can be checked by them offline',
  next: 'ask for the bundle (cosign sign-blob --bundle), or check both with cosign verify-blob',
}

/** Blocks in PEM or armour, by their labels. */
const BLOCKS: readonly (readonly [label: RegExp, other: OtherFile])[] = [
  [/^CERTIFICATE$/, CERTIFICATE],
  [/PRIVATE KEY|SECRET KEY/, { what: 'a SECRET key, and no signature', next: 'keep it to yourself' }],
  [
    /^PGP PUBLIC KEY BLOCK$/,
    { what: 'an OpenPGP certificate, and no signature', next: 'give it as the key (--key, --developer-key)' },
  ],
  [
    /PUBLIC KEY$/,
    { what: 'a public key, and no signature', next: 'give it as the key (--key, --developer-key)' },
  ],
  [
    /^PGP MESSAGE$/,
    {
      what: 'an OpenPGP message that holds its text in itself, and no detached signature',
      next: 'ask for one (gpg --armor --detach-sign), or unpack it with gpg --decrypt',
    },
  ],
]

/** Fields of JSON documents, the first that has all of them names it. */
const DOCUMENTS: readonly (readonly [fields: readonly string[], other: OtherFile])[] = [
  [
    ['"_type"', '"predicateType"', '"subject"'],
    { what: 'an in-toto statement that nobody signed', next: 'ask for the bundle that it came in' },
  ],
  [
    ['trustedroot+json'],
    {
      what: 'a trusted root of Sigstore, and no signature',
      next: 'name it where the key is named (trusted-root in a policy)',
    },
  ],
  [
    ['"payloadType"', '"payload"', '"signatures"'],
    {
      what: 'an in-toto envelope alone, without who signed and what the log says',
      next: 'ask for the Sigstore bundle (gh attestation download), or import what nixsig made (nixsig import FILE)',
    },
  ],
  [
    ['"signed"', '"signatures"'],
    { what: 'metadata of TUF or an in-toto link, and no signature of a file', next: 'ask for the signature' },
  ],
  [
    ['"critical"', '"docker-manifest-digest"'],
    {
      what: 'what cosign signs for a container image, which says nothing of a file',
      next: 'ask for the signature',
    },
  ],
  [
    ['"keys"', '"keytype"', '"keyid"'],
    {
      what: 'a list of public keys, as npm publishes them, and no signature',
      next: 'take the key that is meant as PEM',
    },
  ],
  [
    ['"dist"', '"integrity"', '"signatures"'],
    {
      what: "npm's own description of a package",
      next: 'download the attestations, which the registry has at /-/npm/v1/attestations/NAME@VERSION',
    },
  ],
  [
    ['"info"', '"urls"', '"packagetype"'],
    {
      what: "PyPI's own description of a package",
      next: 'download the attestations, which PyPI has at /integrity/NAME/VERSION/FILE/provenance',
    },
  ],
  [
    ['"logIndex"', '"integratedTime"', '"body"', '"logID"'],
    { what: 'an entry of a transparency log alone', next: 'ask for the bundle that names it' },
  ],
]

/**
 * What a file is that is not a detached signature, with the next step; undefined for one that may
 * be a signature, and for what is not known either.
 */
export function otherThanSignature(bytes: Uint8Array): OtherFile | undefined {
  if (isKeybox(bytes)) return KEYBOX
  const head = Buffer.from(bytes.subarray(0, HEAD_LIMIT)).toString('latin1')
  return blockWords(head) ?? pageWords(head) ?? jsonWords(head)
}

/**
 * gitsign and S/MIME sign with certificates: what git keeps as the signature of a tag or a commit.
 */
function blockWords(head: string): OtherFile | undefined {
  const [begin, label = ''] = /^(?:[^\n]*\n){0,200}?-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(head) ?? []
  if (begin === undefined) {
    return /^[A-Za-z0-9+/\s]+={0,2}$/.test(head.trimEnd()) &&
      decoded(head).startsWith('-----BEGIN CERTIFICATE-----')
      ? CERTIFICATE
      : undefined
  }
  if (label === 'PGP SIGNED MESSAGE' && !begin.startsWith('-----')) return textBefore(begin)
  if (label === 'SIGNED MESSAGE' || label === 'PKCS7' || label === 'CMS') return cmsWords(head)
  return BLOCKS.find(([pattern]) => pattern.test(label))?.[1]
}

function textBefore(begin: string): OtherFile {
  const line = begin.split('\n').length
  return {
    what: `a signed message with text before it, which nobody signed: the message begins at line ${line}`,
    next: "cut that off: sed -n '/^-----BEGIN PGP SIGNED MESSAGE-----/,$p'",
  }
}

function cmsWords(head: string): OtherFile {
  const body = /-----BEGIN [A-Z0-9 ]{1,40}-----([A-Za-z0-9+/=\s]*)/.exec(head)?.[1] ?? ''
  const what = decoded(body).includes(SIGSTORE_OID)
    ? 'a signature of gitsign (Sigstore, as CMS), which cannot be checked offline'
    : 'a signature with an X.509 certificate (S/MIME, CMS), which is not read here'
  return {
    what,
    next: 'ask for a tag signed with OpenPGP or SSH (git tag -s), or for a Sigstore bundle of the release',
  }
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('latin1')
}

function pageWords(head: string): OtherFile | undefined {
  if (!/^\s*<(?:!doctype html|html|head|\?xml)/i.test(head)) return undefined
  return { what: 'a web page, and no signature', next: 'download the file itself' }
}

function jsonWords(head: string): OtherFile | undefined {
  if (!/^\s*[{[]/.test(head)) return undefined
  // What is a bundle, or holds some, is read and not named.
  if (/"(?:verificationMaterial|verification_material|base64Signature)"/.test(head)) return undefined
  return DOCUMENTS.find(([names]) => names.every(name => head.includes(name)))?.[1]
}
