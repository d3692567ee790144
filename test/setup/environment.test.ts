import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { environmentOfNix } from '../../src/setup/carry/environment.ts'
import { keysOfUsers } from '../../src/setup/carry/users.ts'

const ROOT = mkdtempSync(join(tmpdir(), 'nixsig-environment-'))
after(() => rmSync(ROOT, { recursive: true }))

function write(name: string, text: string): string {
  const file = join(ROOT, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

const places = {
  proc: join(ROOT, 'no-proc'),
  units: [join(ROOT, 'etc'), join(ROOT, 'lib')],
  sessions: join(ROOT, 'environment'),
}

test('without a daemon it is what sessions have, and this process', () => {
  write('environment', '# x\nhttps_proxy="http://sessions:1"\nexport no_proxy=lan\nOTHER=1\n')
  const found = environmentOfNix({ ...places, units: [join(ROOT, 'none')] }, { no_proxy: 'home' })
  assert.equal(found.https_proxy?.value, 'http://sessions:1')
  assert.deepEqual(found.no_proxy, { value: 'home', origin: 'no_proxy in the environment of setup' })
  assert.deepEqual(Object.keys(found).sort(), ['https_proxy', 'no_proxy'])
})

test('the unit of nix-daemon and what is dropped in beside it', () => {
  write('lib/nix-daemon.service', '[Service]\nEnvironment=http_proxy=http://vendor:1 X=y\n')
  write(
    'etc/nix-daemon.service.d/proxy.conf',
    `[Service]\nEnvironment="https_proxy=http://a:1" 'no_proxy=lan,b c'\nEnvironmentFile=-${write('more', "NIX_SSL_CERT_FILE='/etc/ca.pem'\n")}\n`,
  )
  write('lib/nix-daemon.service.d/proxy.conf', '[Service]\nEnvironment=https_proxy=http://shadowed:1\n')
  const found = environmentOfNix(places, { https_proxy: 'http://shell:1' })
  assert.deepEqual(
    Object.entries(found).map(([name, { value }]) => [name, value]),
    [
      ['http_proxy', 'http://vendor:1'],
      ['https_proxy', 'http://a:1'],
      ['no_proxy', 'lan,b c'],
      ['NIX_SSL_CERT_FILE', '/etc/ca.pem'],
    ],
  )
  assert.match(found.https_proxy?.origin ?? '', /^https_proxy in .*etc\/nix-daemon\.service\.d\/proxy\.conf$/)
  write('etc/nix-daemon.service.d/zz.conf', '[Service]\nEnvironment=\n')
  assert.deepEqual(environmentOfNix(places, {}), {})
})

test('keys that trusted users named for themselves, and no others’', () => {
  for (const user of ['ann', 'ben', 'cid'])
    write(`home/${user}/.config/nix/nix.conf`, `extra-trusted-public-keys = ${user}:AAAA\ncores = 1\n`)
  const line = (user: string) => `${user}:x:1:1::${ROOT}/home/${user}:/bin/sh\n`
  const passwd = write(
    'passwd',
    `root:x:0:0::/root:/bin/sh\n${['ann', 'ben', 'cid', 'dan'].map(line).join('')}`,
  )
  const group = write('group', 'wheel:x:1:cid,dan\n')
  assert.deepEqual(
    keysOfUsers(['root', 'ann', '@wheel'], { passwd, group }).map(({ user, word }) => `${user} ${word}`),
    ['ann ann:AAAA', 'cid cid:AAAA'],
  )
})
