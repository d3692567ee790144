// Which files count, in which order. Where Nix is installed, it is asked whether it reads them the
// same way.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { findProgram } from '../../src/files/programs.ts'
import { askSettings, askVersion } from '../../src/nix-config/ask-nix.ts'
import { type Environment, readConfiguration } from '../../src/nix-config/conf-files.ts'
import { disagreements, itemsOf } from '../../src/nix-config/settings.ts'

interface Home {
  readonly dir: string
  readonly environment: Environment
  write(name: string, text: string): void
}

async function withHome(use: (home: Home) => void | Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'nixsig-conf-'))
  try {
    await use({
      dir,
      environment: { HOME: dir, NIX_CONF_DIR: join(dir, 'etc'), XDG_CONFIG_DIRS: join(dir, 'xdg') },
      write(name, text) {
        mkdirSync(dirname(join(dir, name)), { recursive: true })
        writeFileSync(join(dir, name), text)
      },
    })
  } finally {
    rmSync(dir, { recursive: true })
  }
}

const values = (environment: Environment) =>
  readConfiguration(environment).assignments.map(({ name, value }) => `${name}=${value}`)

test('the system, then its user, then the variable; the user’s first file is read last', async () => {
  await withHome(({ environment, write }) => {
    write('etc/nix.conf', 'cores = 1')
    write('xdg/nix/nix.conf', 'cores = 2')
    write('.config/nix/nix.conf', 'cores = 3')
    assert.deepEqual(values({ ...environment, NIX_CONFIG: 'cores = 4\n' }), [
      'cores=1',
      'cores=2',
      'cores=3',
      'cores=4',
    ])
  })
})

test('NIX_USER_CONF_FILES replaces all other files of the user', async () => {
  await withHome(({ dir, environment, write }) => {
    write('.config/nix/nix.conf', 'cores = 3')
    write('a', 'cores = 5')
    write('b', 'cores = 6')
    const files = { NIX_USER_CONF_FILES: `${dir}/a:${dir}/b` }
    assert.deepEqual(values({ ...environment, ...files }), ['cores=6', 'cores=5'])
  })
})

test('an include counts where it stands, relative to the file that has it', async () => {
  await withHome(({ environment, write }) => {
    write('etc/nix.conf', 'cores = 1\ninclude more/x.conf\ncores = 3')
    write('etc/more/x.conf', 'cores = 2\n!include y.conf')
    write('etc/more/y.conf', 'max-jobs = 9')
    assert.deepEqual(values(environment), ['cores=1', 'cores=2', 'max-jobs=9', 'cores=3'])
  })
})

test('an include that must be there is a problem, an optional one is reported', async () => {
  await withHome(({ dir, environment, write }) => {
    write('etc/nix.conf', 'include gone.conf\n!include custom.conf\nnonsense')
    const { problems, missing, files } = readConfiguration(environment)
    assert.deepEqual(problems, [
      `${dir}/etc/nix.conf:1 includes ${dir}/etc/gone.conf, which is not there`,
      `${dir}/etc/nix.conf:3 is not a line of nix.conf`,
    ])
    assert.deepEqual(missing, [`${dir}/etc/custom.conf`])
    assert.equal(files.find(({ path }) => path.endsWith('gone.conf'))?.changed, undefined)
  })
})

test('attack: files that include one another end at a limit, and a directory is not a file', async () => {
  await withHome(({ dir, environment, write }) => {
    write('etc/nix.conf', 'include nix.conf\ninclude .')
    const { problems } = readConfiguration(environment)
    assert.ok(problems.includes(`${dir}/etc/nix.conf is included by too many others`), problems[0])
    assert.ok(problems.includes(`${dir}/etc is not a file of at most 1048576 bytes`))
  })
})

test('attack: a name in a problem cannot control a terminal', async () => {
  await withHome(({ environment, write }) => {
    write('etc/nix.conf', 'include \u001b[2J')
    assert.doesNotMatch(readConfiguration(environment).problems.join(''), /\u001b/)
  })
})

test('a configuration without files has no settings', async () => {
  await withHome(({ dir, environment, write }) => {
    write('etc/x', '')
    symlinkSync(`${dir}/nowhere`, `${dir}/etc/nix.conf`)
    assert.deepEqual(values(environment), [])
  })
})

const nix = findProgram('nix')

test('Nix reads the same files in the same order', { skip: nix === undefined }, async () => {
  await withHome(async ({ environment, write }) => {
    write('etc/nix.conf', 'build-use-sandbox = false\ninclude x.conf\nexperimental-features = flakes')
    write('etc/x.conf', 'substituters = http://a/ http://b/ # c\nrequire-sigs = no\ncores = 2')
    write('.config/nix/nix.conf', 'extra-substituters = http://d/\ncores = 3\ntrusted-users = alice')
    write('xdg/nix/nix.conf', 'cores = 4\ntrusted-users = bob')
    const nixConfig = 'trusted-substituters = http://e/'
    const program = {
      program: nix ?? '',
      environment: { ...environment, NIX_CONFIG: nixConfig },
      options: [],
    }
    const asked = await askSettings(program)
    const { assignments } = readConfiguration(program.environment)
    const names = assignments.map(({ name }) => name).filter(name => name !== 'experimental-features')
    assert.equal(new Set(names).size, 6)
    assert.deepEqual(disagreements(asked, assignments, names), [])
    assert.deepEqual(itemsOf(asked, 'trusted-users'), ['alice'])
    assert.deepEqual(itemsOf(asked, 'experimental-features').toSorted(), ['flakes', 'nix-command'])
    assert.match(await askVersion(program), /^nix \(Nix\) 2\.\d+/)
  })
})

test('options of a command line have precedence', { skip: nix === undefined }, async () => {
  await withHome(async ({ environment, write }) => {
    write('etc/nix.conf', 'sandbox = true')
    const asked = await askSettings({
      program: nix ?? '',
      environment,
      options: ['--option', 'sandbox', 'relaxed'],
    })
    assert.equal(asked.get('sandbox'), 'relaxed')
  })
})

test('a configuration that Nix cannot read has no settings', { skip: nix === undefined }, async () => {
  await withHome(async ({ environment, write }) => {
    write('etc/nix.conf', 'include gone.conf')
    await assert.rejects(
      askSettings({ program: nix ?? '', environment, options: [] }),
      /^Error: Nix does not print its settings: .*gone\.conf/,
    )
  })
})
