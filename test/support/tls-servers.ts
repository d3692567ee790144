/** A real nginx with TLS, certificates from an authority of the test's own, and a real proxy. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, isIP } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { eventually } from './eventually.ts'

const YEAR = ['-days', '365']

/** PEM files. `client` is signed by the same authority as the server's certificate. */
export interface Certificates {
  readonly authority: string
  readonly server: { readonly certificate: string; readonly key: string }
  readonly client: { readonly certificate: string; readonly key: string }
}

/** Makes them in a directory, for a server with these IP addresses and names. */
export function makeCertificates(directory: string, ...hosts: readonly string[]): Certificates {
  mkdirSync(directory, { recursive: true })
  const at = (name: string) => join(directory, name)
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl(
    'req',
    '-x509',
    ...fresh,
    ...YEAR,
    '-subj',
    '/CN=test authority',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  )
  const make = (name: string) => {
    const names = hosts.map(host => `${isIP(host) > 0 ? 'IP' : 'DNS'}:${host}`)
    writeFileSync(at('extensions'), `subjectAltName=${names.join(',')}\n`)
    openssl('req', ...fresh, '-subj', `/CN=${name}`, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`))
    const ca = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('extensions')]
    openssl('x509', '-req', '-in', at(`${name}.csr`), ...ca, ...YEAR, '-out', at(`${name}.pem`))
    return { certificate: at(`${name}.pem`), key: at(`${name}.key`) }
  }
  return { authority: at('ca.pem'), server: make('server'), client: make('client') }
}

/** Starts a program that serves a port, and ends it with the test. */
async function serve(
  t: Pick<TestContext, 'after'>,
  [program, ...args]: readonly [string, ...string[]],
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  t.after(() => child.kill('SIGTERM'))
  const isThere = () =>
    new Promise<boolean>(resolve => {
      const socket = connect(port, host, () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
  await eventually(`${program} serves port ${port}`, isThere)
}

/** nginx with a `server` block of these lines, beside `listen`. */
export async function serveNginx(
  t: Pick<TestContext, 'after'>,
  directory: string,
  { host, port, lines }: { readonly host: string; readonly port: number; readonly lines: string },
): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const conf = join(directory, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map(name => `${name}_temp_path ${directory}/${name};`)
    .join('\n')
  writeFileSync(
    conf,
    `daemon off; user root; pid ${directory}/pid; error_log ${directory}/error.log;
events {}
http { access_log ${directory}/access.log; ${temporary} server { listen ${host}:${port} ssl; ${lines} } }
`,
  )
  await serve(t, ['/usr/sbin/nginx', '-c', conf, '-e', join(directory, 'error.log')], { host, port })
}

export interface ProxyServer {
  readonly url: string
  /** What it was asked for so far: lines such as `CONNECT 192.0.2.1:443 HTTP/1.1`. */
  asked(): readonly string[]
}

/** tinyproxy on loopback, which wants this name and password. */
export async function serveProxy(
  t: Pick<TestContext, 'after'>,
  directory: string,
  { port, user, password }: { readonly port: number; readonly user: string; readonly password: string },
): Promise<ProxyServer> {
  mkdirSync(directory, { recursive: true })
  const [conf, log] = [join(directory, 'tinyproxy.conf'), join(directory, 'tinyproxy.log')]
  writeFileSync(
    conf,
    `Port ${port}\nListen 127.0.0.1\nTimeout 30\nLogFile "${log}"\nLogLevel Connect\nBasicAuth ${user} ${password}\n`,
  )
  await serve(t, ['tinyproxy', '-d', '-c', conf], { host: '127.0.0.1', port })
  return {
    url: `http://127.0.0.1:${port}`,
    asked: () =>
      [...readFileSync(log, 'utf8').matchAll(/Request \(file descriptor \d+\): (.*)/g)].map(
        ([, line = '']) => line,
      ),
  }
}
