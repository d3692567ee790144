/** A real sshd in a world, and the commands with which a machine is deployed to over it. */
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './gate-process.ts'
import type { World } from './world.ts'

const DIRECTORY = '/srv/ssh'

export interface Sshd {
  /** For NIX_SSHOPTS, and for ssh itself. */
  readonly options: string
  /** The command line of ssh as this user of the machine. */
  as(user: string): string
  close(): void
}

/** Starts sshd; whoever may read the key logs in as root or any user. All users may use
 * sudo. */
export async function startSshd(world: World): Promise<Sshd> {
  const port = await freePort()
  await world.output(`mkdir -p ${DIRECTORY} /run/sshd && chmod 755 /srv ${DIRECTORY}
    for key in host user; do ssh-keygen -q -t ed25519 -N '' -f ${DIRECTORY}/$key; done
    cp ${DIRECTORY}/user.pub ${DIRECTORY}/authorized
    usermod -p '*' alice
    echo 'ALL ALL=(ALL) NOPASSWD: ALL' >>/etc/sudoers`)
  world.write(
    `${DIRECTORY}/config`,
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${DIRECTORY}/host
AuthorizedKeysFile ${DIRECTORY}/authorized
StrictModes no
UsePAM no
PidFile none
PasswordAuthentication no
PermitRootLogin yes
`,
  )
  const [program, ...args] = world.enter(['/usr/sbin/sshd', '-D', '-e', '-f', `${DIRECTORY}/config`])
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    log += text
  })
  for (let tries = 0; !log.includes('listening'); tries++) {
    if (tries > 100 || child.exitCode !== null) throw new Error(`sshd did not start: ${log}`)
    await sleep(50)
  }
  const options = `-p ${port} -i ${DIRECTORY}/user -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR`
  return {
    options,
    as: user => `ssh ${options} ${user}@127.0.0.1`,
    close: () => {
      if (child.pid !== undefined) process.kill(-child.pid)
    },
  }
}
