import { strict as assert } from 'node:assert'
import { readS3Address } from '../../src/evidence/upstreams/s3/address.ts'
import { refusalWords } from '../../src/evidence/upstreams/s3/refusal.ts'
import { readStoreAddress } from '../../src/evidence/upstreams/stores/address.ts'
import { printDescribed, readNarName } from '../../src/evidence/upstreams/stores/described.ts'
import { parseNarinfo } from '../../src/formats/nix/narinfo.ts'
import { parseUpstreamAddress } from '../../src/policy/language/upstream-address.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import type { PathInfo } from '../../src/store/queries.ts'
import { DERIVATION, NAR_HASH, OTHER_PATH, PATH } from '../seeds.ts'
import { assertFit, formatTarget, type Target } from '../target.ts'

const BASE = PATH.slice('/nix/store/'.length)
const INFO: PathInfo = {
  path: PATH,
  deriver: DERIVATION,
  narHash: NAR_HASH,
  references: [PATH, OTHER_PATH],
  registrationTime: 1,
  narSize: 120,
  ultimate: false,
  signatures: [],
}
const ADDRESSES = [
  's3://bucket?region=eu-west-1&endpoint=http://minio.lan:9000&profile=nix&addressing-style=path',
  'ssh-ng://nix@host:2222?ssh-key=/root/key&compress=true&base64-ssh-public-host-key=eA==',
  'ssh://host?remote-program=/opt/nix-store&remote-store=local%3Froot%3D/mnt',
  'local?root=/mnt&real=/x',
  '/mnt',
]
const S3 = readS3Address('s3://bucket')

/** Stores beside binary caches: what they say, and how they are addressed. */
export const OTHER_STORES: readonly Target[] = [
  formatTarget<{ url: string }>({
    name: 'store address',
    seeds: ADDRESSES,
    tokens: [
      '-o',
      '%2d',
      '@',
      ':',
      '?',
      '&',
      '=',
      '+',
      '%20',
      ' ',
      '\n',
      '/../',
      'trusted=1',
      '[::1]',
      'ProxyCommand',
      'addressing-style=virtual',
    ],
    read: input => {
      const read = parseUpstreamAddress(input.toString())
      if ('url' in read) return read
      throw new FormatError('address', read.problem, 'it')
    },
    also: ({ url }) => assertAddress(url),
  }),
  formatTarget<unknown>({
    name: 'name of a nar of a store',
    seeds: [`${BASE}/${NAR_HASH}-120.nar`],
    tokens: ['/', '..', '-', '.nar', '0', NAR_HASH, BASE],
    read: input => readNarName(Buffer.from(input).toString('latin1')),
  }),
  formatTarget<unknown>({
    name: 'path that a store describes',
    seeds: ['a:b\n', `name:sig\nfixed:r:sha256:${'0'.repeat(52)}`],
    tokens: ['\n', 'Sig: ', 'URL: ', 'fixed:', 'r:', 'sha256:', NAR_HASH, '\x1b[31m', '\u202e'],
    read: input => {
      const text = Buffer.from(input).toString('utf8')
      const [signature = '', ca = ''] = text.split(/\n(.*)/s)
      return parseNarinfo(printDescribed({ ...INFO, signatures: [signature], ...(ca === '' ? {} : { ca }) }))
    },
    also: narinfo => assert.equal((narinfo as { path: string }).path, PATH),
  }),
  {
    name: 'refusal of S3',
    seeds: [
      Buffer.from('<Error><Code>AccessDenied</Code><Region>eu-west-1</Region><Message>no</Message></Error>'),
    ],
    tokens: [
      '<Code>',
      '</Code>',
      '<Message>',
      '</Message>',
      '<Region>',
      '\x1b[31m',
      '\u202e',
      'NoSuchBucket',
    ],
    check: input => {
      const refusal = {
        status: 403,
        region: undefined,
        date: undefined,
        text: Buffer.from(input).toString('utf8'),
      }
      assertFit(refusalWords(S3, refusal, true, 0))
      return 'said'
    },
  },
]

function assertAddress(url: string): void {
  if (url.startsWith('s3:')) {
    const { base } = readS3Address(url)
    const { hostname, pathname } = new URL(base)
    assert.ok(hostname.length > 0 && !pathname.includes('..'), base)
    if (!url.includes('endpoint')) assert.match(hostname, /\.amazonaws\.com(?:\.cn)?$/)
  } else if (/^(?:ssh|local|\/)/.test(url)) {
    const { store } = readStoreAddress(url, 1000)
    assert.match(store.remote, /^(?:ssh-ng:\/\/[^-]|local\?|\/)/)
    for (const option of store.sshOptions) assert.match(option, /^-o[A-Za-z0-9]+=[^\s]+$/)
  }
}
