// Files of minisign and signify with the line ends of other systems and editors, compared with the
// tools themselves.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { keysOfArgument } from '../../../src/cli/key-argument.ts'
import { verifyDetached } from '../../../src/crypto/detached/verify.ts'
import type { Key } from '../../../src/policy/policy.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-line-ends-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const at = (name: string) => join(dir, name)
writeFileSync(at('file'), 'what is released\n')

interface Tool {
  readonly publicKey: string
  readonly signature: string
  verifies(publicKey: string, signature: string): boolean
}

function run(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { cwd: dir, stdio: 'ignore' }).status === 0
}

function minisign(): Tool {
  execFileSync('minisign', ['-G', '-W', '-f', '-p', at('m.pub'), '-s', at('m.key')], { stdio: 'ignore' })
  execFileSync('minisign', ['-S', '-s', at('m.key'), '-m', at('file'), '-x', at('m.sig')], {
    stdio: 'ignore',
  })
  return {
    publicKey: readFileSync(at('m.pub'), 'latin1'),
    signature: readFileSync(at('m.sig'), 'latin1'),
    verifies: (key, signature) => run('minisign', '-V', '-p', key, '-m', 'file', '-x', signature),
  }
}

function signify(): Tool {
  execFileSync('signify-openbsd', ['-G', '-n', '-p', at('s.pub'), '-s', at('s.sec')])
  execFileSync('signify-openbsd', ['-S', '-s', at('s.sec'), '-m', at('file'), '-x', at('s.sig')])
  return {
    publicKey: readFileSync(at('s.pub'), 'latin1'),
    signature: readFileSync(at('s.sig'), 'latin1'),
    verifies: (key, signature) =>
      run('signify-openbsd', '-V', '-q', '-p', key, '-m', 'file', '-x', signature),
  }
}

/** Harmless changes. The tool accepts all of them, except where `unless` names it. */
const TAKEN: Readonly<Record<string, (text: string) => string>> = {
  'Windows line ends': text => text.replaceAll('\n', '\r\n'),
  'a blank last line': text => `${text}\n`,
  'blank last lines': text => `${text}\n\n\n`,
  'blank last lines with Windows line ends': text => `${text.replaceAll('\n', '\r\n')}\r\n\r\n`,
  'white space in a last line': text => `${text} \t\n`,
  'white space after the comment': text => text.replace('\n', ' \t\n'),
}

/** Changes that should be refused, although the tools accept some. */
const REFUSED: Readonly<Record<string, (text: string) => string>> = {
  'old line ends of the Mac': text => text.replaceAll('\n', '\r'),
  'a blank first line': text => `\n${text}`,
  'a blank line between': text => text.replace('\n', '\n\n'),
  'a byte order mark': text => `\u00ef\u00bb\u00bf${text}`,
  'text after the end': text => `${text}more\n`,
  'a NUL after the end': text => `${text}\0`,
  'a carriage return within the comment': text => text.replace('comment: ', 'comment: \r'),
  'white space within base 64': text => text.replace(/\n(R.{9})/, '\n$1 '),
}

function keysOf(text: string): readonly Key[] {
  writeFileSync(at('asked.pub'), text, 'latin1')
  return keysOfArgument(at('asked.pub'))
}

async function isGood(publicKey: string, signature: string): Promise<boolean> {
  try {
    const question = {
      file: at('file'),
      signature: Buffer.from(signature, 'latin1'),
      keys: keysOf(publicKey),
    }
    return (await verifyDetached(question)).some(({ outcome }) => outcome === 'good')
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

for (const [name, make] of Object.entries({ minisign, signify })) {
  describe(name, () => {
    const tool = make()
    const takes = (publicKey: string, signature: string) => {
      writeFileSync(at('asked.pub'), publicKey, 'latin1')
      writeFileSync(at('asked.sig'), signature, 'latin1')
      return tool.verifies('asked.pub', 'asked.sig')
    }

    for (const [title, change] of Object.entries(TAKEN)) {
      it(`accepts a signature with ${title}, and so does nixsig`, async () => {
        assert.equal(takes(tool.publicKey, change(tool.signature)), true)
        assert.equal(await isGood(tool.publicKey, change(tool.signature)), true)
      })
      it(`accepts a key with ${title}, and so does nixsig`, async () => {
        assert.equal(takes(change(tool.publicKey), tool.signature), true)
        assert.equal(await isGood(change(tool.publicKey), tool.signature), true)
      })
    }

    for (const [title, change] of Object.entries(REFUSED)) {
      it(`nixsig refuses a signature with ${title}, whatever ${name} does`, async () => {
        assert.equal(await isGood(tool.publicKey, change(tool.signature)), false)
      })
    }

    it('accepts or refuses white space after base64 as the tool does', async () => {
      const spaced = tool.signature.replace(/^(R.*)\n/m, '$1 \n')
      assert.notEqual(spaced, tool.signature)
      assert.equal(await isGood(tool.publicKey, spaced), takes(tool.publicKey, spaced))
    })

    it('accepts a signature without its last newline, whatever the tool does', async () => {
      assert.equal(await isGood(tool.publicKey, tool.signature.slice(0, -1)), true)
    })
  })
}
