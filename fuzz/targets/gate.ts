import { strict as assert } from 'node:assert'
import { locationOf } from '../../src/evidence/upstreams/location.ts'
import { readOffer } from '../../src/evidence/upstreams/read-offer.ts'
import type { Said } from '../../src/evidence/upstreams/upstream.ts'
import { type NarTicket, narTicket, readNarTicket } from '../../src/gate/nar-ticket.ts'
import { parseListen } from '../../src/policy/language/gate.ts'
import { ALICE, DIGEST, NAR_HASH, OTHER_PATH, PATH } from '../seeds.ts'
import { assertFit, formatTarget, type Target, textOf } from '../target.ts'

const BASE = 'https://cache.example/nix'
const GATE = { name: 'gate-1', publicKey: ALICE.publicKey, secretKey: ALICE.secretKey }
const NAR: NarTicket = {
  form: 'nar',
  hash: NAR_HASH,
  narSize: 120,
  files: [
    { upstream: BASE, file: 'nar/x.nar.xz', compression: 'xz' },
    { upstream: BASE, file: 'nar/x.nar', compression: 'none' },
  ],
}

const NARINFO = `StorePath: ${PATH}
URL: nar/x.nar.xz
Compression: xz
NarHash: sha256:${NAR_HASH}
NarSize: 120
References: ${OTHER_PATH.slice('/nix/store/'.length)}
Sig: cache-1:${'A'.repeat(86)}==
`

const ADDRESS_TOKENS: readonly string[] = [
  ...[
    'https://',
    'http://',
    'file://',
    '//',
    '/',
    '..',
    '.',
    '%2e',
    '%2E',
    '%252e',
    '%2f',
    '%5c',
    '\\',
    '@',
    ':',
    '?',
    '#',
  ],
  ...['cache.example', '192.0.2.1', '[::1]', '/nix', 'nar/', '.nar.xz', ' ', '\n', '\t', BASE],
]

/** An upstream that serves nothing. */
const HOLDER: Parameters<typeof readOffer>[0] = {
  url: BASE,
  locate: name => ({ kind: 'url', url: locationOf(BASE, name) }),
  stream: async () => undefined,
}

/** Answers of upstreams, and tickets that clients return to the gate. */
export const GATE_INPUT: readonly Target[] = [
  formatTarget<string>({
    name: 'gate location of a nar',
    seeds: ['nar/x.nar.xz', 'nar/x.nar?hash=0', `${BASE}/nar/x.nar`, 'https://192.0.2.1/x', '../x'],
    tokens: ADDRESS_TOKENS,
    read: input => locationOf(BASE, textOf(input)),
    also: assertBelow,
  }),
  {
    name: 'gate offer',
    seeds: [Buffer.from(NARINFO), Buffer.from(NARINFO.replace('nar/x', `${BASE}/nar/x`))],
    tokens: [...NARINFO.split(/(?<=: )|\n/), 'CA: ', 'fixed:r:sha256:', ...ADDRESS_TOKENS],
    check: input => {
      const said = readOffer(HOLDER, DIGEST, input)
      assertHonest(said)
      return said.kind
    },
  },
  {
    name: 'gate ticket',
    seeds: [Buffer.from(narTicket(GATE, NAR)), Buffer.from('nar/eA/AA')],
    tokens: ['nar/', '/', '-', '_', '=', '..', Buffer.from('../x').toString('base64url')],
    check: input => {
      const ticket = readNarTicket(GATE, [BASE], textOf(input))
      // Only the gate makes tickets: there is no other encoding, and no other file.
      if (ticket !== undefined) assert.equal(textOf(input), narTicket(GATE, NAR))
      return ticket === undefined ? 'refused' : 'accepted'
    },
  },
  {
    name: 'gate address',
    seeds: ['127.0.0.1:4649', '[::1]:80', '0.0.0.0:0'].map(text => Buffer.from(text)),
    tokens: ['[', ']', ':', '.', '0', '65536', 'localhost', '0x7f', '%lo', '\n'],
    check: input => {
      const listen = parseListen(textOf(input))
      if (listen === undefined) return 'refused'
      const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host
      assert.equal(`${host}:${listen.port}`, textOf(input))
      return 'accepted'
    },
  },
]

/** Asserts that a path stays where it was checked, however often a server decodes it. */
function assertBelow(url: string): void {
  assert.ok(new URL(url).href.startsWith(`${BASE}/`), url)
  const once = new URL(url).pathname.replace(/%25/g, '%')
  assert.ok(new URL(once.replaceAll('\\', '/'), BASE).pathname.startsWith('/nix/'), url)
}

function assertHonest(said: Said): void {
  if (said.kind === 'offer') {
    assert.equal(said.offer.narinfo.path.slice('/nix/store/'.length, '/nix/store/'.length + 32), DIGEST)
    assertBelow(said.offer.nar.url)
  } else if (said.kind === 'malformed') assertFit(said.detail)
  else assert.fail(said.kind)
}
