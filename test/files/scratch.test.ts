// Private directories do not stay behind.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeScratch, removeScratch, sweep } from '../../src/files/scratch.ts'

const dir = mkdtempSync('/tmp/nixsig-test-scratch-')
after(() => rmSync(dir, { recursive: true, force: true }))

/** This file is also the program that is ended: in a process with this variable. */
const CHILD = 'SCRATCH_CHILD'
if (process.env[CHILD] !== undefined) {
  makeScratch('view')
  removeScratch(makeScratch('git'))
  process.stdout.write('ready\n')
  setInterval(() => undefined, 1000)
} else tests()

function tests(): void {
  describe('a private directory', () => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      it(`is removed when ${signal} ends the program, which ends by that signal`, async () => {
        const temporary = mkdtempSync(join(dir, 'tmp-'))
        const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
          env: { ...process.env, TMPDIR: temporary, [CHILD]: '1' },
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        await once(child.stdout, 'data')
        assert.equal(readdirSync(temporary).length, 1)
        child.kill(signal)
        const [, by] = await once(child, 'exit')
        assert.equal(by, signal)
        assert.deepEqual(readdirSync(temporary), [])
      })
    }

    it('attack: TMPDIR where others can put another directory in its place: it lies in /tmp', () => {
      const parent = join(dir, 'of-all')
      mkdirSync(parent)
      chmodSync(parent, 0o777)
      const before = process.env['TMPDIR']
      process.env['TMPDIR'] = parent
      try {
        const made = makeScratch('list')
        removeScratch(made)
        assert.match(made, /^\/tmp\/nixsig-list-\w{6}$/)
      } finally {
        if (before === undefined) delete process.env['TMPDIR']
        else process.env['TMPDIR'] = before
      }
    })

    it('that a killed program left is removed a day later, and nothing else', () => {
      const parent = join(dir, 'old')
      mkdirSync(parent)
      const old = new Date(Date.now() - 25 * 60 * 60_000)
      const make = (name: string, at?: Date) => {
        mkdirSync(join(parent, name))
        if (at !== undefined) utimesSync(join(parent, name), at, at)
      }
      make('nixsig-view-aaaaaa', old)
      make('nixsig-view-bbbbbb')
      make('nixsig-other-aaaaaa', old)
      make('nixsig-view-aaaaaa-more', old)
      symlinkSync(join(parent, 'nixsig-other-aaaaaa'), join(parent, 'nixsig-view-cccccc'))
      sweep(parent, Date.now() - 24 * 60 * 60_000)
      assert.deepEqual(readdirSync(parent).sort(), [
        'nixsig-other-aaaaaa',
        'nixsig-view-aaaaaa-more',
        'nixsig-view-bbbbbb',
        'nixsig-view-cccccc',
      ])
      assert.ok(existsSync(join(parent, 'nixsig-view-cccccc')))
    })
  })
}
