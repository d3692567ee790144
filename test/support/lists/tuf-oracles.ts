/** Two other clients of TUF, from Debian sid: python-tuf and go-tuf. */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { debianRoot } from '../../../tools/debian-roots.mjs'
import { sidProgram } from '../sid-tools.ts'
import { PYTHON_CASES } from './python-tuf-cases.ts'

/** Argument 1: the repository, 2: the client's state, others: targets to download. */
const PYTHON = `
import sys, os
from urllib.parse import urlparse, unquote
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

class Files(FetcherInterface):
    def _fetch(self, url):
        try:
            with open(unquote(urlparse(url).path), 'rb') as file:
                return iter([file.read()])
        except FileNotFoundError:
            raise DownloadHTTPError(url, 404)

repository, state = sys.argv[1:3]
first = None
if not os.path.exists(state + '/metadata'):
    os.makedirs(state + '/metadata')
    os.makedirs(state + '/targets')
    with open(repository + '/metadata/1.root.json', 'rb') as file:
        first = file.read()
url = 'file://' + repository
updater = Updater(state + '/metadata', url + '/metadata/', state + '/targets', url + '/targets/', fetcher=Files(), bootstrap=first)
updater.refresh()
for path in sys.argv[3:]:
    info = updater.get_targetinfo(path)
    if info is None:
        raise Exception('no target ' + path)
    updater.download_target(info, state + '/target')
    print(path)
`

/** What a client came to. */
export interface OracleAnswer {
  readonly accepts: boolean
  readonly output: string
}

export interface TufOracle {
  readonly name: string
  /** As a client that remembers what it has seen. Takes the target and verifies it. */
  update(repository: string, target?: string): Promise<OracleAnswer>
  /** The bytes of the target that was taken last. */
  taken(): Buffer
  remove(): void
}

/** New clients, which know nothing but the first root of the repository that they are shown first. */
export function tufOracles(): readonly TufOracle[] {
  return [python(), go()]
}

/** What python-tuf made of the states of a case. */
export interface PythonCase {
  /** The target that was asked for, except in the first state, where it is `list.json`. */
  readonly target: string
  /** `accepted`, or why not. */
  readonly verdicts: readonly string[]
}

/** Has python-tuf write its cases into a directory: see python-tuf-cases.ts. By their names, in order. */
export async function pythonCases(directory: string): Promise<ReadonlyMap<string, PythonCase>> {
  writeFileSync(join(directory, 'cases.py'), PYTHON_CASES)
  const args = [join(directory, 'cases.py'), directory]
  const { accepts, output } = await run(sidProgram('python3', directory), args, {
    cwd: directory,
    env: pythonEnvironment(),
  })
  if (!accepts) throw new Error(output)
  return new Map(Object.entries(JSON.parse(output)))
}

function pythonEnvironment(): Readonly<Record<string, string>> {
  const usr = join(debianRoot('sid'), 'usr')
  return {
    PYTHONHOME: usr,
    PYTHONPATH: join(usr, 'lib/python3/dist-packages'),
    PYTHONDONTWRITEBYTECODE: '1',
  }
}

function python(): TufOracle {
  const dir = mkdtempSync(join(tmpdir(), 'nixsig-python-tuf-'))
  const program = sidProgram('python3', dir)
  writeFileSync(join(dir, 'client.py'), PYTHON)
  const env = pythonEnvironment()
  return {
    name: 'python-tuf',
    update: (repository, target = 'list.json') =>
      run(program, [join(dir, 'client.py'), repository, join(dir, 'state'), target], { cwd: dir, env }),
    taken: () => readFileSync(join(dir, 'state/target')),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}

/** A new go-tuf, which knows nothing. */
export function go(): TufOracle {
  const dir = mkdtempSync(join(tmpdir(), 'nixsig-go-tuf-'))
  const program = sidProgram('tuf-client', dir)
  const work = join(dir, 'work')
  mkdirSync(work)
  let isNew = true
  return {
    name: 'go-tuf',
    update: async (repository, target = 'list.json') => {
      const server = await serve(repository)
      const urls = ['--url', `${server.url}/metadata`]
      try {
        if (isNew) {
          // It takes the name of the file for a name in its own directory as well.
          cpSync(join(repository, 'metadata/1.root.json'), join(work, 'root.json'))
          const made = await run(program, ['init', '--file', 'root.json', ...urls], { cwd: work, env: {} })
          if (!made.accepts) return made
          isNew = false
        }
        return await run(program, ['get', ...urls, '--turl', `${server.url}/targets`, target], {
          cwd: work,
          env: {},
        })
      } finally {
        server.close()
      }
    },
    taken: () => {
      const found = readdirSync(work, { recursive: true, encoding: 'utf8' }).find(
        name => /list\.json$/.test(name) && !/metadata/.test(name),
      )
      return readFileSync(join(work, found ?? 'nothing'))
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}

function run(
  program: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<OracleAnswer> {
  const options = { cwd, env: { PATH: process.env['PATH'], HOME: cwd, ...env }, timeout: 60_000 }
  return new Promise(resolve => {
    execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ accepts: error === null, output: `${stdout}${stderr}${error?.message ?? ''}` })
    })
  })
}

/** Serves a directory at a port of this machine. */
async function serve(directory: string): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(directory, new URL(request.url ?? '/', 'http://x').pathname)))
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() }
}
