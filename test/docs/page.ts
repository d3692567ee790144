/** The pages of docs/, run in a world: their commands as they stand there, under the policies that they show. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { debianSource } from '../support/debian-source.ts'
import * as nix from '../support/expressions.ts'
import { sha256 } from '../support/trust.ts'
import { type World, withWorld } from '../support/world.ts'
import { versionsOf } from './inventory.ts'
import { type Commands, commandsOf, exampleOf } from './markdown.ts'
import { completePolicy } from './policies.ts'
import { markRun } from './ran.ts'

export const POLICY = '/etc/nixsig/policy.toml'
export const PUBLISHED = '/etc/nixsig/attestations'

const HELLO = nix.derivation('hello', {
  inputs: ['./hello.txt'],
  build: 'read line <$inputs; echo "$line, world" >$out',
})

/** nix.conf of a page's world: what a page shows works without experimental features. */
export const STOCK: Readonly<Record<string, string>> = { 'experimental-features': '' }

/** A machine as docs/getting-started.md leaves it: the command in the PATH, a package, and room for attestations. */
export async function settledIn(world: World): Promise<void> {
  await world.output(`ln -s /opt/nixsig/nixsig /usr/local/bin/nixsig; mkdir -p ${PUBLISHED}`)
  world.write('/root/hello.txt', 'hello\n')
  world.write('/root/hello.nix', HELLO)
}

/** Puts the policy that a section shows into force, with the keys that the world really has in place of the page's. */
export function usePolicy(world: World, toml: string): void {
  const real = completePolicy(toml).replace(/"([\w.-]+):[\w+/]{43}="/g, (shown, name: string) => {
    const file = `/root/${name}.pub`
    return world.exists(file) ? `"${world.read(file).trim()}"` : shown
  })
  world.write(POLICY, real)
}

/**
 * Runs commands one after the other, each in a shell of its own in the user's home; by default
 * root's.
 */
export async function runAll(
  world: World,
  commands: readonly Commands[],
  options: { readonly user?: 'alice' } = {},
): Promise<void> {
  assert.ok(commands.length > 0)
  for (const { at, section, script, refused, answer } of commands) {
    const { status, stdout, stderr } = await world.run(`set -e\n${script}`, options)
    const said = `${stdout}${stderr}`
    assert.equal(status !== 0, refused, `"${section}": ${script}\nended with ${status}:\n${said}`)
    for (const line of answer) assert.match(said, line, `"${section}": ${script}`)
    markRun({ at }, world.version)
  }
}

/** What one section of a page has: its commands, and the part of a policy that it shows. */
export interface Section {
  readonly commands: readonly Commands[]
  policy(): string
}

/** The section of a page with this heading. */
export function sectionOf(page: string, title: string): Section {
  return { commands: commandsOf(page, title), policy: () => exampleOf(page, title, 'toml') }
}

/** What a section supposes, and what has to be true after it: its commands are run in there. */
export type Check = (world: World, section: Section) => Promise<void>

/**
 * Makes a test of each section of a page on each Debian that the inventory names for it, in a world
 * that is settled in and has no experimental features; and a test that no other section has
 * commands.
 */
export function testPage(page: string, checks: Readonly<Record<string, Check>>): void {
  for (const [title, check] of Object.entries(checks)) {
    for (const version of versionsOf(page, title)) {
      test(`${version}: ${page}: ${title}`, () =>
        withWorld(version, { nixConf: STOCK }, async world => {
          await settledIn(world)
          await check(world, sectionOf(page, title))
        }))
    }
  }

  test(`every section of ${page} with commands is run`, () => {
    const sections = commandsOf(page).map(({ section }) => section)
    const titles = new Set(sections.filter(title => versionsOf(page, title).length > 0))
    assert.deepEqual([...titles].sort(), Object.keys(checks).sort())
  })
}

/** Puts a real release into a world, with its developer's signature and certificate, and a package that fetches it. */
export function theRelease(world: World): void {
  const { version, tarball, signature, certificate } = debianSource('libmd')
  assert.equal(version, '1.0.4')
  world.write('/root/libmd.asc', readFileSync(certificate))
  world.write('/root/libmd-1.0.4.tar.xz', readFileSync(tarball))
  world.write('/root/libmd-1.0.4.tar.xz.asc', readFileSync(signature))
  world.write('/srv/libmd.tar.xz', readFileSync(tarball))
  world.write('/srv/libmd.tar.xz.asc', readFileSync(signature))
  const hash = sha256(readFileSync(tarball))
  world.write('/root/libmd.nix', nix.fetchurl('libmd-1.0.4.tar.xz', 'file:///srv/libmd.tar.xz', hash))
}
