// The cases by which git-sig is tested, retold for nixsig, with git-sig's own notes. What git-sig
// calls a threshold is a group here.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { TestRepository } from '../support/git.ts'
import { assertSchema } from '../support/schema.ts'
import {
  annotate,
  commitTo,
  gitSigLine,
  gitSigText,
  type SigningTeam,
  signingTeam,
} from '../support/signers-of-commits.ts'
import { buildCli, type Outcome } from './built-cli.ts'

const cli = buildCli()
let team: SigningTeam
let policy: string
before(() => {
  team = signingTeam()
  process.env['GNUPGHOME'] = team.gnupg.dir
  policy = join(team.dir, 'policy.toml')
  const groups = `maintainers = { members = ["alice", "bob", "dave"], threshold = 3 }
pair = { members = ["bob", "dave"], threshold = 2 }
`
  writeFileSync(policy, team.policyText('').replace('[groups]\n', `[groups]\n${groups}`))
})
after(() => {
  team.remove()
  cli.remove()
})

function nixsig(...words: readonly string[]): Outcome {
  return cli.run('git', ...words, '--policy', policy)
}

/** Runs `git verify` and compares its status. */
function verify(repository: TestRepository, status: number, ...words: readonly string[]): string {
  const outcome = nixsig('verify', repository.directory, ...words)
  assert.equal(outcome.status, status, outcome.stdout + outcome.stderr)
  return outcome.stdout
}

function noteBy(repository: TestRepository, who: 'alice' | 'bob'): void {
  annotate(repository, gitSigLine(team, who, gitSigText(repository)))
}

function tagByDave(repository: TestRepository, name: string): void {
  const ssh = ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${team.dave}`]
  repository.git(...ssh, 'tag', '-s', name, '-m', name)
}

describe("git-sig's cases", () => {
  it('help, without a command and with "help"', () => {
    for (const words of [['--help'], ['verify', '--help']]) {
      const { status, stdout } = nixsig(...words)
      assert.equal(status, 0)
      assert.match(stdout, /nixsig git/)
    }
    assert.match(nixsig().stderr, /which one\? git verify/)
  })

  it('the version', () => {
    assert.match(nixsig('verify', '--version').stdout, /^\d+\.\d+\.\d+\n$/)
  })

  it('advice where a program is missing: gpg (no openssl and no getopt are needed)', () => {
    const none = join(cli.dir, 'none')
    mkdirSync(none, { recursive: true })
    const repository = team.repository('missing')
    const args = ['git', 'sign', repository.directory, '--signer', `gpg:${'A'.repeat(40)}`]
    assert.match(cli.run(...args).stderr, /GnuPG has no key/)
  })

  it('a dirty tree: what is judged is the commit, whatever lies in the work tree', () => {
    const repository = team.repository('dirty')
    commitTo(repository, 'signed', '-S')
    writeFileSync(join(repository.directory, 'file'), 'dirty\n')
    writeFileSync(join(repository.directory, 'new'), 'new\n')
    verify(repository, 0, '--require', 'one')
  })

  it('no repository', () => {
    mkdirSync(join(cli.dir, 'no-repository'), { recursive: true })
    const { status, stderr } = nixsig('verify', './no-repository', '--require', 'one')
    assert.equal(status, 2)
    assert.match(stderr, /is not a git repository/)
  })

  it('a signed commit is one of one', () => {
    const repository = team.repository('one')
    commitTo(repository, 'signed', '-S')
    verify(repository, 0, '--require', 'one')
  })

  it('a commit, a note and a tag by three people are three; of a group as well', () => {
    const repository = team.repository('three')
    commitTo(repository, 'signed', '-S')
    noteBy(repository, 'bob')
    tagByDave(repository, 'sig-dave')
    verify(repository, 0, '--require', 'three')
    verify(repository, 0, '--require', 'maintainers')
  })

  it('a commit and a note by one person are not two', () => {
    const repository = team.repository('not-two')
    commitTo(repository, 'signed', '-S')
    noteBy(repository, 'alice')
    verify(repository, 12, '--require', 'two')
  })

  it('one of a group of one; one of a group that needs two is not enough', () => {
    const repository = team.repository('group')
    commitTo(repository, 'first')
    noteBy(repository, 'bob')
    verify(repository, 0, '--require', 'one')
    const said = verify(repository, 12, '--require', 'pair')
    assert.match(said, /needs 2 of 2 pair for its expressions, found 1 \(bob\)/)
  })

  it('a past commit (--ref HEAD~1) at two', () => {
    const repository = team.repository('past')
    commitTo(repository, 'signed', '-S')
    noteBy(repository, 'bob')
    commitTo(repository, 'later')
    verify(repository, 0, 'HEAD~1', '--require', 'two')
    verify(repository, 10, '--require', 'two')
  })

  it('the diff since the verified branch, and since the last commit that three signed', () => {
    const repository = team.repository('diff')
    commitTo(repository, 'signed', '-S')
    noteBy(repository, 'bob')
    tagByDave(repository, 'sig-dave')
    const trusted = repository.git('rev-parse', 'HEAD')
    repository.git('checkout', '-q', '-b', 'feature')
    commitTo(repository, 'only two', '-S')
    noteBy(repository, 'bob')
    commitTo(repository, 'new \u001b[31m text \\ \u202e')
    const diff = nixsig('diff', repository.directory, 'feature', '--require', 'three')
    assert.equal(diff.status, 0)
    assert.match(diff.stdout, /^-signed\n\+new \\u\{1b\}\[31m text \\ \\u\{202e\}$/m)
    assert.match(
      nixsig('diff', repository.directory, '--stat', '--require', 'three').stdout,
      /1 file changed/,
    )
    assert.equal(verify(repository, 0, 'HEAD~2', 'HEAD', '--require', 'three'), `${trusted}\n`)
    assert.equal(verify(repository, 0, '--since', 'HEAD~2', '--require', 'three'), `${trusted}\n`)
    verify(repository, 10, 'HEAD', 'HEAD', '--require', 'three')
    const wrongWay = nixsig('verify', repository.directory, 'HEAD', 'HEAD~2', '--require', 'three')
    assert.deepEqual([wrongWay.status, wrongWay.stdout], [2, ''])
    assert.match(wrongWay.stderr, /[0-9a-f]{40} does not come after [0-9a-f]{40}; next: find out who/)
    const status = nixsig('status', repository.directory, '--require', 'three')
    assert.equal(status.status, 10)
    assert.match(status.stdout, new RegExp(`nearest trusted commit: 2 commits back[^]*${trusted} signed`))
    const before = nixsig('status', repository.directory, 'HEAD~1', '--require', 'three')
    assert.match(before.stdout, /nearest trusted commit: 1 commit back/)
    assert.match(before.stderr, /a clone comes without notes, .*: nixsig git fetch origin/)
    const whole = nixsig('status', repository.directory, 'HEAD~2', '--require', 'three')
    assert.doesNotMatch(whole.stderr, /git fetch/)
  })
})

describe('git verify', () => {
  it('says what is wrong with a mistyped argument, and that of a repository without commits', () => {
    const repository = team.repository('mistyped')
    const run = (...words: readonly string[]) => nixsig('verify', ...words, '--require', 'two').stderr
    const empty = join(team.dir, 'empty')
    execFileSync('git', ['init', '-q', empty])
    assert.match(run(empty), /has no commits yet; next: git commit\n$/)
    commitTo(repository, 'first')
    const help = String.raw`; next: nixsig git verify --help\n$`
    assert.match(
      run(repository.directory, 'nosuch'),
      new RegExp(`there is no commit nosuch in this.*${help}`),
    )
    const path = new RegExp(`there is neither a directory nor a commit \\.\\./nodir${help}`)
    assert.match(run(repository.directory, '../nodir', 'HEAD'), path)
    const push = cli.run('git', 'push', 'origin', repository.directory)
    assert.deepEqual([push.status, push.stdout], [2, ''])
    assert.match(push.stderr, /no remote named origin; next: git remote add origin URL[^;]*$/)
  })

  it('judges by the rule for the URL that it is told, by default that of the directory', () => {
    const repository = team.repository('rules')
    commitTo(repository, 'signed', '-S')
    repository.git('remote', 'add', 'origin', 'https://example.org/trusted')
    const inputs = `[[inputs]]\nname = "by URL"\nurl = "https://example.org/*"\nrequire = "alice"\n`
    const text = team.policyText(inputs).replaceAll('certificate = "', `certificate = "${team.dir}/`)
    const ruled = cli.write('ruled.toml', text)
    const run = (...words: readonly string[]) =>
      cli.run('git', 'verify', repository.directory, ...words, '--policy', ruled)
    const byDefault = run()
    assert.equal(byDefault.status, 12)
    assert.match(byDefault.stdout, /under rule "none of \[\[inputs\]\]"/)
    assert.equal(run('--url', 'https://example.org/trusted').status, 0)
    const { stdout } = run('--url', 'https://example.org/trusted', '--json')
    const json = JSON.parse(stdout)
    assertSchema('git-verify', json)
    assert.deepEqual(
      [json.url, json.rule, json.basis.principals, json.signatures.map(({ way }: { way: string }) => way)],
      ['https://example.org/trusted', 'by URL', ['alice'], ['commit']],
    )
    assert.match(json.narHash, /^[0-9a-f]{64}$/)
  })

  it('refuses what it does not know: a principal, a commit, two ways to say one thing', () => {
    const repository = team.repository('unknown')
    for (const [words, message] of [
      [['--require', 'nobody'], /no such principal or group/],
      [['no-such-commit', '--require', 'one'], /there is no commit no-such-commit/],
      [['a', 'b', 'c'], /at most a repository and 2/],
      [['a', 'b', '--since', 'c'], /say the same/],
    ] as const) {
      const { status, stderr } = nixsig('verify', repository.directory, ...words)
      assert.equal(status, 2)
      assert.match(stderr, message)
    }
    const option = cli.run('git', 'verify', '--policy', policy, '--', repository.directory, '--all')
    assert.match(option.stderr, /there is no commit --all/)
  })

  it('takes a role with --require, and shows a review that was signed', () => {
    const repository = team.repository('roles')
    cli.run('keygen', 'erin-2')
    const own = join(cli.dir, 'roles.toml')
    writeFileSync(
      own,
      `version = 1
mode = "enforce"
principals.erin.keys = ["${cli.read('erin-2.pub').trim()}"]
default.require = { source = "refuse", derivation = "refuse", output = "refuse" }
`,
    )
    cli.write('review.txt', 'Read it.\u200b\n')
    const args = [
      'git',
      'sign',
      repository.directory,
      '--key',
      'erin-2.secret',
      '--as',
      'reviewer',
      '--review',
      'review.txt',
    ]
    const signed = cli.run(...args)
    assert.equal(signed.status, 0, signed.stderr)
    assert.match(
      signed.stdout,
      /^commit [0-9a-f]{40}, tree [0-9a-f]{40}, NAR sha256:[0-9a-f]{64}: The first of roles$/m,
    )
    const run = (...words: readonly string[]) =>
      cli.run('git', 'verify', repository.directory, ...words, '--policy', own)
    const shown = run('--require', 'reviewer:erin')
    assert.equal(shown.status, 0, shown.stdout)
    assert.match(shown.stdout, /\| Read it\.\\u\{200b\}/)
    assert.equal(run('--require', 'committer:erin').status, 10)
  })
})
