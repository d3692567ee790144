import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findDaemons, mappedFiles } from '../../src/nix-config/processes.ts'

interface Process {
  readonly pid: number
  readonly words: readonly string[]
  readonly parent?: number
  readonly root?: string
  readonly environment?: readonly string[]
}

/** Makes a directory like /proc on a machine that has run for a thousand seconds. */
function withProc(processes: readonly Process[], use: (proc: string) => void): void {
  const proc = mkdtempSync(join(tmpdir(), 'nixsig-proc-'))
  try {
    writeFileSync(join(proc, 'uptime'), '1000.00 1.00\n')
    for (const { pid, words, parent = 1, root = '/', environment = [] } of [
      { pid: 1, words: ['init'] },
      ...processes,
    ] as readonly Process[]) {
      const directory = join(proc, String(pid))
      mkdirSync(directory)
      writeFileSync(join(directory, 'cmdline'), words.map(word => `${word}\0`).join(''))
      writeFileSync(join(directory, 'environ'), environment.map(entry => `${entry}\0`).join(''))
      const rest = Array.from({ length: 17 }, () => '0').join(' ')
      writeFileSync(join(directory, 'stat'), `${pid} (a (b) c) S ${parent} ${rest} 99000 0\n`)
      symlinkSync(root, join(directory, 'root'))
    }
    symlinkSync('1', join(proc, 'self'))
    use(proc)
  } finally {
    rmSync(proc, { recursive: true })
  }
}

test('the daemon, with what configures it and when it was started', () => {
  const environment = ['PATH=/bin', 'NIX_CONFIG=sandbox = false\ncores = 1', 'HOME=/root', 'SECRET=x']
  withProc(
    [{ pid: 7, words: ['/usr/bin/nix-daemon', '--daemon', '--option', 'cores', '2'], environment }],
    proc => {
      const [daemon, ...more] = findDaemons(proc)
      assert.equal(more.length, 0)
      assert.deepEqual(daemon?.options, ['--option', 'cores', '2'])
      assert.deepEqual(daemon?.environment, { NIX_CONFIG: 'sandbox = false\ncores = 1', HOME: '/root' })
      assert.equal(daemon?.isForcedToTrust, false)
      assert.ok(Math.abs((daemon?.started ?? 0) - (Date.now() - 10_000)) < 1000)
    },
  )
})

test('not counted: its processes for clients, daemons of another root, programs of another name', () => {
  withProc(
    [
      { pid: 7, words: ['nix', 'daemon', '--force-trusted'] },
      { pid: 8, words: ['nix-daemon', '4711'], parent: 7 },
      { pid: 9, words: ['nix-daemon'], root: '/usr' },
      { pid: 10, words: ['nix', 'build'] },
      { pid: 11, words: ['cat', 'nix-daemon'] },
    ],
    proc => {
      const daemons = findDaemons(proc)
      assert.deepEqual(
        daemons.map(({ pid }) => pid),
        [7],
      )
      assert.equal(daemons[0]?.isForcedToTrust, true)
      assert.deepEqual(daemons[0]?.options, [])
    },
  )
})

test('processes that a restarted daemon left for its clients do not listen and are not counted', () => {
  withProc(
    [
      { pid: 7, words: ['nix-daemon'] },
      { pid: 8, words: ['nix-daemon', '--daemon'] },
    ],
    proc => {
      mkdirSync(join(proc, 'net'))
      mkdirSync(join(proc, '7/fd'))
      mkdirSync(join(proc, '8/fd'))
      writeFileSync(
        join(proc, 'net/unix'),
        `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 501 /nix/var/nix/daemon-socket/socket
0000000000000000: 00000003 00000000 00000000 0001 03 502 /nix/var/nix/daemon-socket/socket
0000000000000000: 00000002 00000000 00010000 0001 01 503 /run/other/socket
`,
      )
      symlinkSync('socket:[502]', join(proc, '7/fd/4'))
      symlinkSync('socket:[503]', join(proc, '7/fd/5'))
      assert.equal(findDaemons(proc).length, 2)
      symlinkSync('socket:[501]', join(proc, '8/fd/3'))
      assert.deepEqual(
        findDaemons(proc).map(({ pid }) => pid),
        [8],
      )
    },
  )
})

test('a process that serves one client over its standard input is no daemon, whoever started it', () => {
  withProc(
    [
      { pid: 7, words: ['node', '/opt/nixsig/nixsig', 'serve'] },
      { pid: 8, words: ['/usr/bin/nix-daemon', '--stdio', '--option', 'store', 'local'], parent: 7 },
      { pid: 9, words: ['nix', 'daemon', '--stdio'] },
      { pid: 10, words: ['nix-daemon', '4711'] },
    ],
    proc => assert.deepEqual(findDaemons(proc), []),
  )
})

test('mapped files, each once, and those that were replaced', () => {
  withProc([], proc => {
    const maps = [
      '5586-5587 r--p 00000000 00:28 41 /usr/bin/nix',
      '5587-5588 r-xp 00001000 00:28 41 /usr/bin/nix',
      '7f00-7f01 r--p 00000000 00:28 42                     /opt/a plugin.so (deleted)',
      '7f02-7f03 rw-p 00000000 00:00 0 ',
      '7ffd-7ffe rw-p 00000000 00:00 0                      [stack]',
    ]
    writeFileSync(join(proc, '1/maps'), `${maps.join('\n')}\n`)
    assert.deepEqual(
      mappedFiles(1, proc).map(({ path, isReplaced }) => [path, isReplaced]),
      [
        ['/usr/bin/nix', false],
        ['/opt/a plugin.so', true],
      ],
    )
  })
})

test('this process has its own program mapped', () => {
  assert.ok(mappedFiles(process.pid).some(({ path }) => path === process.execPath))
})
