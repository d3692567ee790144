import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  inBandEvidence,
  type SignaturePart,
  whyNoSignature,
} from '../../src/evidence/derivation-signatures.ts'
import { teamPolicy } from '../policy/policies.ts'
import { openDevelopers, RELEASE } from '../support/in-band.ts'

const developers = openDevelopers()
const dir = mkdtempSync('/tmp/nixsig-in-band-test-')
after(() => {
  developers.remove()
  rmSync(dir, { recursive: true })
})
const carol = developers.developer('carol')
const LIST = `${'ab'.repeat(32)}  tool.tar\n`
const LONG_LIST = LIST.repeat(4000)

function file(contents: string | Uint8Array): string {
  const path = join(dir, 'file')
  rmSync(path, { force: true })
  writeFileSync(path, contents)
  return path
}

const PARTS: Readonly<Record<string, { contents: string | Uint8Array; parts: readonly SignaturePart[] }>> = {
  'an OpenPGP signature': { contents: carol.sign(RELEASE), parts: ['signature', 'either'] },
  'a minisign signature': { contents: carol.minisignOf(RELEASE), parts: ['signature', 'either'] },
  'a list of checksums': { contents: LIST, parts: ['checksums', 'either'] },
  'a list of checksums that is larger than any signature': {
    contents: LONG_LIST,
    parts: ['checksums', 'either'],
  },
  'a list that carries its signature': { contents: carol.clearSign(LIST), parts: ['signature', 'either'] },
  'a text that carries its signature and is no list': { contents: carol.clearSign(RELEASE), parts: [] },
  'a signature and something after it': { contents: `${carol.sign(RELEASE)}echo`, parts: [] },
  'a list with a line of something else': { contents: `${LIST}echo\n`, parts: [] },
  nothing: { contents: '', parts: [] },
}
for (const [what, { contents, parts }] of Object.entries(PARTS)) {
  for (const part of ['signature', 'checksums', 'either'] as const) {
    test(`${what} ${parts.includes(part) ? 'passes' : 'does not pass'} as ${part}`, () => {
      assert.equal(whyNoSignature(file(contents), part) === undefined, parts.includes(part))
    })
  }
}

test('attack: only a plain, non-executable file is a signature', () => {
  const path = file(carol.sign(RELEASE))
  const [link, directory, pipe] = ['link', 'directory', 'pipe'].map(name => join(dir, name))
  symlinkSync(path, link ?? '')
  mkdirSync(directory ?? '')
  execFileSync('mkfifo', [pipe ?? ''])
  for (const other of [link, directory, pipe]) {
    assert.match(whyNoSignature(other ?? '', 'either') ?? '', /cannot read|is not a regular file/)
  }
  assert.equal(whyNoSignature(join(dir, 'missing'), 'either'), 'it is not there')
  chmodSync(path, 0o755)
  assert.match(whyNoSignature(path, 'either') ?? '', /is executable/)
})

test('a signature that is absent is a trouble that says how to get it', async () => {
  const path = '/nix/store/0c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8-tool.tar.asc'
  const by = '/nix/store/2c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8-tool.tar.drv'
  const subject = {
    path: '/nix/store/1c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8-tool.tar',
    name: 'tool.tar',
    kind: 'fetched-source',
    narHash: '0'.repeat(64),
    builtHere: true,
  } as const
  const source = { subject, fsPath: file(RELEASE), fileNames: ['tool.tar'] }
  const declarations = [{ by, signatures: [{ subject: 'out', signature: path }] }]
  const evidence = await inBandEvidence(teamPolicy(), source, declarations, async () => `${path}.drv`)
  assert.deepEqual(evidence, {
    claims: [],
    strays: [],
    troubles: [{ origin: by, detail: `${path} is not in the store: nix-store --realise ${path}.drv` }],
  })
})
