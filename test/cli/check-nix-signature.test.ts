// needs: dist
import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { generateKey, type KeyPair } from '../../src/crypto/secret-key.ts'
import { narFingerprint, printNarinfo } from '../../src/formats/nix/narinfo.ts'
import { printNixPublicKey, printNixSignature } from '../../src/formats/nix/nix-key.ts'
import { signEd25519 } from '../../src/primitives/sodium.ts'
import { narHashOfTree } from '../../src/store/disk-tree-nar.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const PATH = '/nix/store/00000000000000000000000000000000-tool'
const alice = generateKey('cache-1')
const mallory = generateKey('other-1')
/** Somebody else's key that has the same name. */
const impostor = generateKey('cache-1')

mkdirSync(join(cli.dir, 'tree'))
cli.write('tree/tool', 'a tool\n')
symlinkSync('tool', join(cli.dir, 'tree/link'))
const { narHash, narSize } = await narHashOfTree(join(cli.dir, 'tree'))

/** What no signature covers. */
const UNSIGNED = {
  url: 'nar/x.nar',
  compression: 'none',
  fileHash: undefined,
  fileSize: undefined,
  deriver: undefined,
  system: undefined,
  contentAddress: undefined,
}

function narinfo(by: KeyPair, over: object = {}, told: object = {}): string {
  const signed = { path: PATH, narHash, narSize, references: [PATH], ...over }
  const signature = signEd25519(Buffer.from(narFingerprint(signed)), by.secretKey)
  const signatures = [printNixSignature({ name: by.name, signature })]
  return printNarinfo({ ...UNSIGNED, ...signed, ...told, signatures })
}

function check(signature: string, key = alice, file = 'tree') {
  cli.write('signature', signature)
  return cli.run('check-signature', file, 'signature', '--key', printNixPublicKey(key))
}

test('a narinfo is a signature of the tree whose contents it tells', () => {
  const { status, stdout } = check(narinfo(alice))
  assert.equal(status, 0, stdout)
  assert.match(stdout, /^good tree\n {2}signed by .*as Nix signs store paths/)
})

test('13: the tree has other contents', () => {
  const { status, stdout } = check(narinfo(alice, { narHash: 'a'.repeat(64) }))
  assert.equal(status, 13)
  assert.match(stdout, /over another path or other contents: \/nix\/store\/0{32}-tool/)
})

test('13: attack: what the narinfo tells was changed after it was signed', () => {
  for (const told of [
    { narSize: narSize + 8 },
    { references: [] },
    { path: PATH.replace('-tool', '-tooI') },
  ]) {
    const { status, stdout } = check(narinfo(alice, {}, told))
    assert.equal(status, 13, stdout)
    assert.match(stdout, /does not verify with/)
  }
})

test('13: attack: a key that is only called like the trusted one', () => {
  assert.equal(check(narinfo(impostor)).status, 13)
})

test('11: signed by nobody of the keys, or by nobody', () => {
  assert.equal(check(narinfo(mallory)).status, 11)
  const { status, stdout } = check(narinfo(alice).replace(/^Sig: .*\n/m, ''))
  assert.equal(status, 11, stdout)
})

test('20: a narinfo that cannot be read', () => {
  assert.equal(check(narinfo(alice).replace('NarSize', 'NarSise')).status, 20)
})

test('2: a signature alone, of what is no store path', () => {
  const { status, stderr } = check(/^Sig: (.*)$/m.exec(narinfo(alice))?.[1] ?? '')
  assert.equal(status, 2)
  assert.match(stderr, /is not a store path: a signature by Nix is over what the store knows of one/)
})
