/** Keepers of a list who have a machine each, and a git repository in which the list goes round. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { gitDaemon } from '../git-daemon.ts'
import type { World } from '../world.ts'

/** Where alice publishes, on her machine. */
export const PUBLISHED = '/srv/www/list'

/** Somebody at work on a machine of their own, without the rights of root. */
export interface KeeperAtHome {
  readonly name: string
  readonly world: World
  /** The text of the public key. */
  readonly publicKey: string
  /** Runs lines of shell, each of which has to succeed. What they said. */
  run(script: string): Promise<string>
  /** Runs a command that has to end with this status. What it said. */
  refused(script: string, status: number): Promise<string>
  /** Gets the others' work, and shares what the commands in between made of the list. */
  change(script: string): Promise<string>
  /** Looks at what changed and signs it. What was shown. */
  sign(key?: string): Promise<string>
}

const IDENTITY = { GIT_AUTHOR_EMAIL: 'keeper@example.org', GIT_COMMITTER_EMAIL: 'keeper@example.org' }

/** Makes a key at each of these machines; `names` are those of their owners. */
export async function withKeepers(
  directory: string,
  machines: Readonly<Record<string, World>>,
  use: (keepers: readonly KeeperAtHome[], repository: string) => Promise<void>,
): Promise<void> {
  const repository = join(directory, 'list.git')
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', repository])
  execFileSync('git', ['-C', repository, 'config', 'daemon.receivepack', 'true'])
  const daemon = await gitDaemon(directory)
  try {
    const url = daemon.url('list.git')
    const keepers = Object.entries(machines).map(([name, world]) => keeperAt(name, world, url))
    await use(await Promise.all(keepers), url)
  } finally {
    daemon.close()
  }
}

async function keeperAt(name: string, world: World, repository: string): Promise<KeeperAtHome> {
  const env = {
    PATH: '/opt/nixsig:/usr/bin:/bin',
    GIT_AUTHOR_NAME: name,
    GIT_COMMITTER_NAME: name,
    ...IDENTITY,
  }
  const started = (script: string) => world.run(`set -e\n${script}`, { user: 'alice', env })
  const refused = async (script: string, wanted: number) => {
    const { status, stdout, stderr } = await started(script)
    const said = stdout + stderr
    assert.equal(status, wanted, `${name}: ${script}\n${said}`)
    return said
  }
  const run = (script: string) => refused(script, 0)
  const change = (script: string) =>
    run(`if [ -d list/.git ]; then git -C list pull --quiet --rebase; else git clone --quiet ${repository} list; fi
${script}
git -C list add --all
git -C list diff --cached --quiet || git -C list commit --quiet --message 'as ${name} sees it'
git -C list push --quiet`)
  await run(`nixsig keygen ${name}`)
  return {
    name,
    world,
    publicKey: world.read(`/home/alice/${name}.pub`).trim(),
    run,
    refused,
    change,
    sign: (key = name) => change(`nixsig list sign list --key ${key}.secret --yes`),
  }
}

/** Begins a list that all of them keep, and shares it. Gives everybody's public key to the first. */
export async function beginTogether(
  keepers: readonly KeeperAtHome[],
  threshold: number,
  repository: string,
): Promise<void> {
  const [first = assert.fail()] = keepers
  const named = keepers.map(({ name, publicKey }) => `--keeper '${name}=${publicKey}'`)
  await first.run(`nixsig list init list --name house ${named.join(' ')} --threshold ${threshold}
git -C list init --quiet --initial-branch=main
git -C list remote add origin ${repository}
git -C list add --all
git -C list commit --quiet --message 'Begin a list'
git -C list push --quiet --set-upstream origin main`)
}

/** One after the other signs at home, and the first of all keepers publishes. What that said. */
export async function publishTogether(
  publisher: KeeperAtHome,
  signers: readonly KeeperAtHome[],
): Promise<string> {
  for (const keeper of signers) await keeper.sign()
  return publisher.change(`nixsig list publish list ${PUBLISHED}`)
}
