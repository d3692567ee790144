// What can be learned from files alone: who could have written them, which of them are nixsig's,
// which symbols they export.
import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { offersSymbol } from '../../src/doctor/elf.ts'
import { interpreterOf, lookAtProgram } from '../../src/doctor/installation.ts'
import { learn } from '../../src/doctor/learn.ts'
import { madeUpPath } from '../../src/doctor/made-up.ts'
import { lookAtTree, protectionProblem } from '../../src/doctor/protection.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'

/** File owners only matter to root, and only root can change them. */
const skip = process.geteuid?.() !== 0

function withDirectory(use: (directory: string) => void): void {
  const temporary = mkdtempSync('/var/tmp/nixsig-disk-')
  const directory = join(temporary, 'own')
  try {
    mkdirSync(directory, { mode: 0o755 })
    use(directory)
  } finally {
    rmSync(temporary, { recursive: true })
  }
}

describe('who could have written a file', { skip }, () => {
  test('root alone', () => {
    withDirectory(directory => {
      writeFileSync(join(directory, 'a'), '')
      symlinkSync('a', join(directory, 'b'))
      assert.equal(protectionProblem(join(directory, 'a')), undefined)
      assert.equal(protectionProblem(join(directory, 'b')), undefined)
    })
  })

  test('others: the file, its directory, what a link leads to', () => {
    withDirectory(directory => {
      const file = join(directory, 'a')
      writeFileSync(file, '')
      symlinkSync('a', join(directory, 'b'))
      chmodSync(file, 0o666)
      assert.equal(protectionProblem(join(directory, 'b')), `${file} is writable by others`)
      chmodSync(file, 0o644)
      chownSync(file, 1000, 0)
      assert.equal(protectionProblem(file), `${file} belongs to user 1000`)
      chownSync(file, 0, 0)
      chmodSync(directory, 0o777)
      assert.match(protectionProblem(file) ?? '', /is writable by everybody/)
      assert.match(protectionProblem(join(directory, 'gone')) ?? '', /ENOENT/)
    })
  })

  test('everything below a directory is inspected, except what is skipped', () => {
    withDirectory(directory => {
      mkdirSync(join(directory, 'deep/content'), { recursive: true })
      writeFileSync(join(directory, 'deep/a'), '')
      writeFileSync(join(directory, 'deep/content/b'), '')
      chmodSync(join(directory, 'deep/a'), 0o664)
      chmodSync(join(directory, 'deep/content/b'), 0o666)
      utimesSync(join(directory, 'deep/a'), 5, 4_000_000_000)
      const tree = lookAtTree(directory, path => path.endsWith('/content'))
      assert.deepEqual(tree.problems, [`${directory}/deep/a is writable by others`])
      assert.equal(tree.newest, 4_000_000_000)
      assert.equal(lookAtTree(directory).problems.length, 2)
    })
  })
})

describe('which part of an installation a file is', { skip }, () => {
  const withInstallation = (use: (installation: string, directory: string) => void) =>
    withDirectory(directory => {
      const installation = join(directory, 'nixsig')
      mkdirSync(join(installation, 'native'), { recursive: true })
      const node = '#!/usr/bin/env -S -i PATH=/nowhere:/usr/bin sh\n'
      for (const [name, text] of [
        ['pre-build-hook', node],
        ['post-build-hook', node],
        ['native/pre-build-hook', 'thin'],
        ['native/nixsig-plugin.so', 'so'],
      ] as const) {
        writeFileSync(join(installation, name), text, { mode: 0o755 })
      }
      use(installation, directory)
    })

  test('its own files, by any name that leads to them, and copies of them', () => {
    withInstallation((installation, directory) => {
      symlinkSync(join(installation, 'native/pre-build-hook'), join(directory, 'hook'))
      mkdirSync(join(directory, 'copy'))
      copyFileSync(join(installation, 'post-build-hook'), join(directory, 'copy/post-build-hook'))
      const part = (file: string) => lookAtProgram(installation, file).part
      assert.equal(part(join(installation, 'pre-build-hook')), 'pre-build-hook')
      assert.equal(part(join(directory, 'hook')), 'pre-build-hook')
      assert.equal(part(join(directory, 'copy/post-build-hook')), 'post-build-hook')
      assert.equal(part(join(installation, 'native/nixsig-plugin.so')), 'plugin')
      assert.equal(part('/bin/sh'), undefined)
    })
  })

  test('attack: a file with other contents elsewhere is not a part, whatever its name', () => {
    withInstallation((installation, directory) => {
      writeFileSync(join(directory, 'pre-build-hook'), 'evil', { mode: 0o755 })
      assert.deepEqual(lookAtProgram(installation, join(directory, 'pre-build-hook')), {
        problem: undefined,
        part: undefined,
      })
    })
  })

  test('an absent file, a directory, one that is not executable', () => {
    withInstallation((installation, directory) => {
      chmodSync(join(installation, 'pre-build-hook'), 0o644)
      const problem = (file: string) => lookAtProgram(installation, file).problem
      assert.equal(problem(join(directory, 'gone')), `${directory}/gone is not there`)
      assert.equal(problem(directory), `${directory} is not a file`)
      assert.equal(
        problem(join(installation, 'pre-build-hook')),
        `${installation}/pre-build-hook is not executable`,
      )
    })
  })

  test('the program that runs the hooks is looked for where they look for it', () => {
    withInstallation((installation, directory) => {
      assert.equal(interpreterOf(installation), '/usr/bin/sh')
      cpSync(installation, join(directory, 'other'), { recursive: true })
      writeFileSync(join(directory, 'other/pre-build-hook'), '#!/usr/bin/env -S -i PATH=/nowhere node\n')
      assert.equal(interpreterOf(join(directory, 'other')), undefined)
    })
  })
})

describe('the symbols that a file exports', () => {
  const node = readFileSync(process.execPath)

  test('whole names that it defines, and none that it imports', () => {
    assert.equal(offersSymbol(node, 'napi_create_object'), true)
    assert.equal(offersSymbol(node, 'napi_create_objec'), false)
    assert.equal(offersSymbol(node, 'sqlite3_no_such_function'), false)
    assert.equal(offersSymbol(node, 'dlopen'), false)
  })

  test('a file that is not a program or is truncated is refused', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('#!/bin/sh\n'.repeat(20)), node.subarray(0, 4096)]) {
      assert.throws(() => offersSymbol(bytes, 'x'), /^FormatError: ELF: /)
    }
  })
})

test('made-up paths are all different', () => {
  const [a, b] = [madeUpPath(), madeUpPath()]
  assert.notEqual(a.digest, b.digest)
  assert.notEqual(a.narHash, b.narHash)
  assert.equal(parseStorePath(a.path).digest, a.digest)
})

test('a failure or a timeout is a problem that can be printed', async () => {
  const failing = () => {
    throw new Error('\u001b[2J\nx')
  }
  assert.deepEqual(await learn(failing, 1000), { problem: '\\u{1b}[2J; x' })
  assert.deepEqual(await learn(() => new Promise(() => {}), 10), { problem: 'not found out in 0.01 seconds' })
  assert.deepEqual(await learn(async () => 1, 1000), { value: 1 })
})
