/** Lists as books in a world, their people, and policies that subscribe to them. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { storeDeveloperSignature } from '../../../src/evidence/signature-files.ts'
import { parseList } from '../../../src/formats/lists/document.ts'
import { writeBook } from '../../../src/lists/book/write.ts'
import * as nix from '../expressions.ts'
import { instantiate, type Scene } from '../scene.ts'
import { ATTESTATIONS, policyText, setPolicy, sha256 } from '../trust.ts'
import { type World, withWorld } from '../world.ts'

const DAY = 24 * 3600

/** The default: sources need their developers. */
export const ITS = `[default]
require.source = { developer = "its-developers" }
require.derivation = "nothing"
require.output = "self"
`

const dir = mkdtempSync('/tmp/nixsig-its-developers-')
after(() => rmSync(dir, { recursive: true, force: true }))

export interface Person {
  /** As a policy or a list has it. */
  readonly key: string
  sign(contents: string): Uint8Array
}

function person(name: string): Person {
  const [publicKey, secretKey] = [join(dir, `${name}.pub`), join(dir, `${name}.key`)]
  execFileSync('minisign', ['-G', '-W', '-f', '-p', publicKey, '-s', secretKey], { stdio: 'ignore' })
  return {
    key: `minisign:${readFileSync(publicKey, 'utf8').split('\n')[1]}`,
    sign: contents => {
      const file = join(dir, 'signed')
      writeFileSync(file, contents)
      const sign = ['-S', '-W', '-s', secretKey, '-m', file, '-x', `${file}.minisig`]
      execFileSync('minisign', sign, { stdio: 'ignore' })
      return readFileSync(`${file}.minisig`)
    },
  }
}

export const [guillem, erin, carol] = [person('guillem'), person('erin'), person('carol')] as const

/** What a list says, of `list.json`. */
export type Said = Readonly<Record<'principals' | 'developers', object>> & Readonly<Record<string, unknown>>

export const SAYS: Said = {
  principals: { guillem: { keys: [guillem.key] }, erin: { keys: [erin.key] } },
  developers: {
    libmd: {
      names: ['libmd-*.tar'],
      urls: ['https://archive.example.org/libmd/*'],
      by: ['guillem'],
      threshold: 1,
    },
    tool: { names: ['tool-*'], by: ['erin'], threshold: 1 },
  },
}

export interface Installed {
  /** Days from now until the list ends. */
  readonly days?: number
  readonly version?: number
  /** What the list is called here, `debian`. */
  readonly name?: string
  /** Where its book is put, if that is not where it belongs. */
  readonly at?: string
}

/** Puts the book of a list where an update would. */
export function install(
  world: World,
  said: Said,
  { days = 30, version = 1, name = 'debian', at }: Installed = {},
) {
  const now = Math.floor(Date.now() / 1000)
  const list = { format: 'nixsig-list-1', name: 'any', says: 'extracted', ...said }
  const directory = join(world.path('/var/lib/nixsig'), 'lists', at ?? name)
  writeBook(directory, {
    name,
    parts: [
      {
        document: parseList(Buffer.from(JSON.stringify(list)), 'list'),
        certificate: () => assert.fail('no certificates'),
      },
    ],
    version,
    ends: now + Math.round(days * DAY),
    seen: now - 10 * DAY,
  })
}

/** `[lists.NAME]`; `more`: further lines of it. */
export function subscribed(more = '', name = 'debian'): string {
  const roles = /^roles/m.test(more) ? '' : 'roles = ["developer"]\n'
  return `[lists.${name}]\nurl = "https://lists.example.org/${name}"\n${roles}${more}\n`
}

/**
 * A fetch of a source that somebody may have signed, from an address of which /srv has a copy: Nix
 * fetches from `url`, and `urls` says where the source is from.
 */
export async function fetchOf(world: World, file: string, by?: Person): Promise<Scene> {
  const contents = `released as ${file}\n`
  world.write(`/srv/${file}`, contents)
  const name = file.split('/').at(-1) ?? ''
  const fetch = nix.fetchurl(name, `file:///srv/${file}`, sha256(contents))
  const from = `urls = [ "https://archive.example.org/${file}" ];`
  const scene = await instantiate(world, fetch.replace(/^ *urls = .*;$/m, from))
  if (by !== undefined)
    storeDeveloperSignature(world.path(ATTESTATIONS), scene.out, '.minisig', by.sign(contents))
  return scene
}

/** A world with a policy, and the book of the list `debian`. */
export function withList(
  version: World['version'],
  policy: string,
  use: (world: World) => Promise<void>,
  said: Said | undefined = SAYS,
): Promise<void> {
  return withWorld(version, {}, async world => {
    world.write('/var/lib/nixsig/lists/.made', '', 0o600)
    if (said !== undefined) install(world, said)
    await setPolicy(world, policyText({}, policy))
    await use(world)
  })
}

/** What is said of a path, and the exit status. */
export async function verify(world: World, path: string): Promise<{ status: number | null; said: string }> {
  const { status, stdout, stderr } = await world.run(`/opt/nixsig/nixsig verify ${path}`)
  return { status, said: stdout + stderr }
}
