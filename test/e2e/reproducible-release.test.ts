// `npm run package` twice, in two directories, with other times, modes, a time zone and a umask: the
// same bytes. And the signature is one that nixsig and OpenSSH check.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { makeRelease, maker, sharedRelease } from '../support/release.ts'

const CLI = join(PROJECT_ROOT, 'dist/nixsig')

test('two releases of the same source are the same, and signed', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'nixsig-release-signers-'))
  const umask = process.umask(0o022)
  try {
    const one = sharedRelease('0.1.0')
    process.umask(0o077)
    process.env['TZ'] = 'Asia/Tokyo'
    const two = makeRelease('0.1.0', ['--sign', maker().secretFile], checkout => {
      for (const file of readdirSync(join(checkout, 'src/cli')))
        utimesSync(join(checkout, 'src/cli', file), 1, 1)
    })
    const files = readdirSync(one.directory)
    assert.deepEqual(files, readdirSync(two.directory))
    for (const file of files)
      assert.ok(readFileSync(join(one.directory, file)).equals(readFileSync(join(two.directory, file))), file)
    const list = join(one.directory, 'SHA256SUMS')
    const key = spawnSync('tar', ['-xzOf', one.archive, '--wildcards', '*/release.keys'], {
      encoding: 'utf8',
    }).stdout
    const check = ['check-signature', one.archive, `${list}.sig`, '--checksums', list, '--key', key.trim()]
    const checked = spawnSync(CLI, check, { encoding: 'utf8' })
    assert.equal(checked.status, 0, checked.stdout + checked.stderr)
    const openssh = `echo "release ${key.trim()}" >signers; ssh-keygen -Y verify -f signers -I release -n file -s ${list}.sig <${list}`
    assert.match(
      spawnSync('sh', ['-c', openssh], { cwd: scratch, encoding: 'utf8' }).stdout,
      /Good "file" signature/,
    )
    const listing = spawnSync('tar', ['-tvzf', one.archive], { encoding: 'utf8' }).stdout
    assert.match(listing, new RegExp(`^drwxr-xr-x 0/0 .* ${basename(one.archive, '.tar.gz')}/\n`))
    assert.doesNotMatch(listing, /^.{10} (?!0\/0 )/m)
  } finally {
    process.umask(umask)
    rmSync(scratch, { recursive: true })
  }
})
