// Who signs: key files with and without a passphrase, the SSH agent, GnuPG.
// needs: dist
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openGnupg } from '../support/gnupg.ts'
import { type SshAgent, startSshAgent } from '../support/ssh.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
const gnupg = openGnupg()
let agent: SshAgent
before(async () => {
  agent = await startSshAgent()
})
after(() => {
  agent.close()
  gnupg.remove()
  cli.remove()
})

cli.write('x.tar', 'a release\n')

/** Says as a reviewer that the file was read, which needs no Nix. */
function review(env: Readonly<Record<string, string>>, ...signer: readonly string[]) {
  return cli.runWith(env, 'attest', 'source', 'x.tar', '--name', 'x.tar', '--as', 'reviewer', ...signer)
}

/** The key ids of all that was attested since the last time. */
function keyids(out: string): readonly string[] {
  const [directory = ''] = readdirSync(join(cli.dir, out))
  const [file = ''] = readdirSync(join(cli.dir, out, directory))
  const lines = cli
    .read(join(out, directory, file))
    .trimEnd()
    .split('\n')
  return lines.map(line => JSON.parse(line).signatures[0].keyid)
}

/**
 * A command in a terminal, at which each of these is typed once the next prompt was shown. What it
 * printed, and its status.
 */
async function typing(answers: readonly string[], ...args: readonly string[]) {
  const line = [process.execPath, cli.program, ...args].map(word => `'${word}'`).join(' ')
  const options = ['--quiet', '--return', '--echo', 'never', '--command', line, '/dev/null']
  const child = spawn('script', options, { cwd: cli.dir, stdio: ['pipe', 'pipe', 'inherit'] })
  let stdout = ''
  let shown = 0
  const waiting = [...answers]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    const prompts = stdout.match(/(?:passphrase|more|key): /g)?.length ?? 0
    if (prompts > shown) child.stdin.write(waiting.shift() ?? '')
    shown = prompts
  })
  const timer = setTimeout(() => child.kill(), 20_000)
  const [status] = await once(child, 'close')
  clearTimeout(timer)
  return { status: status as number | null, stdout }
}

function secretFile(name: string, text: string): string {
  const file = cli.write(name, text)
  chmodSync(file, 0o600)
  return file
}

test('a key under a passphrase: made, used, and of no use without it', () => {
  secretFile('alice.pass', 'Korrekt Pferd · Batterie\n')
  const made = cli.run('keygen', 'alice-1', '--passphrase-file', 'alice.pass')
  assert.equal(made.status, 0, made.stderr)
  assert.match(made.stdout, /useless without its passphrase/)
  assert.match(cli.read('alice-1.secret'), /^nixsig encrypted secret key 1\n/)
  assert.equal(statSync(join(cli.dir, 'alice-1.secret')).mode & 0o777, 0o600)

  const key = ['--key', 'alice-1.secret', '--out', 'by-alice']
  const signed = review({}, ...key, '--passphrase-file', 'alice.pass')
  assert.equal(signed.status, 0, signed.stderr)
  assert.deepEqual(keyids('by-alice'), [/fingerprint +(.*)/.exec(made.stdout)?.[1]])

  secretFile('wrong.pass', 'Korrekt Pferd Batterie\n')
  const wrong = review({}, ...key, '--passphrase-file', 'wrong.pass')
  assert.deepEqual([wrong.status, wrong.stdout], [2, ''])
  assert.match(wrong.stderr, /not the passphrase of the key alice-1, or its file was changed/)
})

test('a passphrase in a file that others can read, or of two lines, is none', () => {
  chmodSync(secretFile('open.pass', 'secret\n'), 0o644)
  const open = cli.run('keygen', 'open-1', '--passphrase-file', 'open.pass')
  assert.match(open.stderr, /the passphrase open\.pass is open to others/)
  secretFile('lines.pass', 'one\ntwo\n')
  assert.match(cli.run('keygen', 'open-1', '--passphrase-file', 'lines.pass').stderr, /one line/)
  secretFile('empty.pass', '\n')
  assert.match(cli.run('keygen', 'open-1', '--passphrase-file', 'empty.pass').stderr, /protects nothing/)
  assert.ok(!readdirSync(cli.dir).some(name => name.startsWith('open-1')))
})

test('a passphrase is asked for twice at the terminal, and not shown', async () => {
  const made = await typing(['Hümmel\r', 'Hümmelx\r'], 'keygen', 'bob-1', '--passphrase')
  assert.deepEqual([made.status, readdirSync(cli.dir).includes('bob-1.secret')], [2, false])
  assert.match(made.stdout, /the two passphrases differ/)
  const again = await typing(['wrong\u0015Hümmex\u007fl\r', 'Hümmel\r'], 'keygen', 'bob-1', '--passphrase')
  assert.equal(again.status, 0, again.stdout)
  assert.doesNotMatch(again.stdout, /mme/)
  secretFile('bob.pass', 'Hümmel')
  assert.equal(review({}, '--signer', 'file:bob-1.secret', '--passphrase-file', 'bob.pass').status, 0)
  const sign = ['attest', 'source', 'x.tar', '--name', 'x.tar', '--as', 'reviewer', '--key', 'bob-1.secret']
  const asked = await typing(['Hümmel\r'], ...sign)
  assert.equal(asked.status, 0, asked.stdout)
  assert.match(asked.stdout, /Passphrase of the key: /)
  assert.match((await typing(['Hummel\r'], ...sign)).stdout, /not the passphrase of the key bob-1/)
})

test('what is typed ahead, in one go, is not lost', async () => {
  const made = await typing(['ahead\rahead\r'], 'keygen', 'ahead-1', '--passphrase')
  assert.equal(made.status, 0, made.stdout)
})

test('Ctrl-C and an empty line make no key; without a terminal nothing is asked', async () => {
  const interrupted = await typing(['abc\u0003'], 'keygen', 'eve-1', '--passphrase')
  assert.match(interrupted.stdout, /no passphrase was given/)
  const empty = await typing(['\r'], 'keygen', 'eve-1', '--passphrase')
  assert.match(empty.stdout, /an empty passphrase protects nothing/)
  const options = { cwd: cli.dir, encoding: 'utf8', timeout: 60_000 } as const
  const argv = ['--wait', process.execPath, cli.program, 'keygen', 'eve-1', '--passphrase']
  const { status, stderr } = spawnSync('setsid', argv, options)
  assert.equal(status, 2)
  assert.match(stderr, /there is no terminal to ask at \(--passphrase-file FILE\)/)
  assert.ok(!readdirSync(cli.dir).some(name => name.startsWith('eve-1')))
})

test('a passphrase is added, changed and removed', () => {
  cli.run('keygen', 'carol-1')
  const before = cli.read('carol-1.secret')
  for (const name of ['one', 'two']) secretFile(`${name}.pass`, name)
  const change = (...args: readonly string[]) => cli.run('key', 'passphrase', 'carol-1.secret', ...args)
  assert.equal(change('--new-passphrase-file', 'one.pass').status, 0)
  assert.equal(statSync(join(cli.dir, 'carol-1.secret')).mode & 0o777, 0o600)
  assert.match(change('--remove', '--passphrase-file', 'two.pass').stderr, /not the passphrase/)
  assert.equal(change('--passphrase-file', 'one.pass', '--new-passphrase-file', 'two.pass').status, 0)
  assert.match(cli.read('carol-1.secret'), /^nixsig encrypted/)
  assert.equal(change('--remove', '--passphrase-file', 'two.pass').status, 0)
  assert.equal(cli.read('carol-1.secret'), before)
})

test('keys of the SSH agent and of GnuPG sign', () => {
  const ssh = { SSH_AUTH_SOCK: agent.socket }
  agent.add('dave', '-t', 'rsa', '-b', '2048')
  const signed = review(ssh, '--signer', 'ssh:dave', '--out', 'by-dave')
  assert.equal(signed.status, 0, signed.stderr)
  const { stdout } = spawnSync('ssh-keygen', ['-l', '-f', join(agent.dir, 'dave.pub')], { encoding: 'utf8' })
  assert.deepEqual(keyids('by-dave'), [stdout.split(' ')[1]])

  const fingerprint = gnupg.makeKey('erin')
  const erin = review({ GNUPGHOME: gnupg.dir }, '--signer', `gpg:${fingerprint}`, '--out', 'by-erin')
  assert.equal(erin.status, 0, erin.stderr)
  assert.deepEqual(keyids('by-erin'), [fingerprint])
})

test('a file with another key than a secret one of nixsig says which it is, and what signs with it', () => {
  const keygen = ['-q', '-t', 'ed25519', '-N', '', '-f', join(cli.dir, 'id')]
  assert.equal(spawnSync('ssh-keygen', keygen).status, 0)
  assert.equal(
    spawnSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', join(cli.dir, 'id.pem')]).status,
    0,
  )
  cli.run('keygen', 'frank-1')
  for (const [file, reason] of [
    ['id', /id is an OpenSSH private key; next: ssh-add id, then --signer ssh:id\.pub\n$/],
    ['id.pub', /id\.pub is a public key; next: name the file of the secret key/],
    ['frank-1.pub', /frank-1\.pub is a public key; next: /],
    ['id.pem', /id\.pem is a private key in PEM; next: ssh-add/],
  ] as const) {
    const { status, stdout, stderr } = review({}, '--key', file, '--out', 'nothing')
    assert.deepEqual([status, stdout], [2, ''])
    assert.match(stderr, reason)
  }
  assert.ok(!readdirSync(cli.dir).includes('nothing'))
})

for (const [what, args, reason] of [
  ['no signer', [], /who signs\? \(--key FILE, or --signer/],
  ['two signers', ['--key', 'x', '--signer', 'ssh:y'], /Give one of --key and --signer/],
  ['one key twice', ['--key', 'x', '--key', 'x'], /--key is given more than once/],
  [
    'a signer of an unknown kind',
    ['--signer', 'pkcs11:token'],
    /there is no kind of signer "pkcs11:": use file:, ssh:/,
  ],
  [
    'a key file that is not there',
    ['--signer', 'nowhere.secret'],
    /there is no secret key at nowhere\.secret/,
  ],
  ['no SSH agent', ['--signer', 'ssh:dave'], /SSH_AUTH_SOCK is not set\); next: eval .*ssh-agent.*ssh-add/],
  ['a name for a key of GnuPG', ['--signer', 'gpg:erin'], /not a whole OpenPGP fingerprint/],
] as const) {
  test(`${what}: a wrong call, and nothing is signed`, () => {
    const { status, stdout, stderr } = review({}, ...args, '--out', 'nothing')
    assert.deepEqual([status, stdout], [2, ''])
    assert.match(stderr, reason)
    assert.ok(!readdirSync(cli.dir).includes('nothing'))
  })
}
