// The chain of evidence of paths in the hand-made store, as `nixsig explain` draws it and prints it
// as JSON.
// takes: 1 minute
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { ChainNode } from '../../src/explain/chain-node.ts'
import { committers } from '../support/approvals.ts'
import { assertSchema } from '../support/schema.ts'
import { type Name, withHandMade } from '../support/stores/hand-made.ts'
import { NEWEST } from '../support/world.ts'

const people = committers()
after(() => people.remove())

const HASH = '[0-9a-z]{32}'

for (const version of NEWEST) {
  test(`${version}: explain draws what a path stands on, from its builders down to the source`, () =>
    withHandMade(version, people, async ({ world, paths, commit, ends }) => {
      const explain = (name: Name, env: Record<string, string> = {}) =>
        world.run(`/opt/nixsig/nixsig explain ${paths[name]}`, { env })
      const isShown = async (name: Name, ...lines: readonly string[]) => {
        const { stdout, stderr } = await explain(name)
        for (const line of lines) assert.match(stdout, new RegExp(`^${line}`, 'm'), stdout + stderr)
      }
      await isShown(
        'program',
        'stands on:$',
        `  output ${paths.program}$`,
        '  ├─ built by this machine, under its own hooks$',
        '  ├─ ben as builder, key ben-1, in /etc/nixsig/attestations/',
        `  └─ derivation /nix/store/${HASH}-program.drv: trusted under rule "default": vouched for by alice$`,
        '     ├─ alice as packager, key alice-1, with its whole build graph, in ',
        `     └─ fetched source ${paths.libmd}: trusted under rule "default": vouched for by debian/guillem$`,
        '        ├─ fetched by this machine',
        '        ├─ debian/guillem as developer, key minisign:\\S+, named by the list debian, in ',
        '        └─ does not count: alice as packager, .*by signing the build graph of .*: the rule does not ask alice as packager$',
      )
      await isShown(
        'approved',
        `  ├─ approved by carol \\(in \\S+\\) \\S+ as part of default.nix, from commit ${commit} of https://\\S+, signed by carl, cora$`,
        `     └─ local source /nix/store/${HASH}-approved-text: trusted`,
        '        └─ approved with that, by carol$',
      )
      await isShown('certified', '  └─ cache as builder, key worker-1, certified by cache-1, until ')
      await isShown(
        'soon',
        `  └─ bo as builder, key bo-1, until ${new Date(ends.key * 1000).toISOString().slice(0, 10)}, in the store`,
      )
      await isShown(
        'revoked',
        '  └─ does not count: rob as builder, .*: the key of rob is revoked since 2026-02-01',
      )
      await isShown(
        'sourced',
        `     └─ local source ${paths.config}: refused: needs its developers`,
        '        └─ signed by nobody in the trusted list$',
      )
      await isShown('respited', ' *not admitted; refused \\S+, during a respite, built here$')
      const plain = await explain('program', { LANG: 'C' })
      assert.match(plain.stdout, /^ {2}`- derivation /m)
      assert.doesNotMatch(plain.stdout, /[^\n\x20-\x7e]/)

      const json = await world.run(`/opt/nixsig/nixsig explain --json ${paths.program}`)
      assertSchema('explain', json.stdout)
      const { chain } = JSON.parse(json.stdout) as { readonly chain: Chain }
      assert.deepEqual(shapeOf(chain), {
        output: ['ben'],
        parts: [{ derivation: ['alice'], parts: [{ 'fetched-source': ['debian/guillem'], parts: [] }] }],
      })
      // The flat sections stay for those who read them.
      const { sections } = JSON.parse(
        (await world.run(`/opt/nixsig/nixsig explain --json ${paths.certified}`)).stdout,
      )
      assert.match(sections[0].lines[0], /^cache as builder, key worker-1, certified by cache-1, in /)
    }))
}

interface Chain extends Pick<ChainNode, 'kind' | 'signatures'> {
  readonly parts: readonly Chain[]
}

function shapeOf({ kind, signatures, parts }: Chain): object {
  return {
    [kind]: signatures.filter(({ counts }) => counts).map(({ who }) => who),
    parts: parts.map(shapeOf),
  }
}
