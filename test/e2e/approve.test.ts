// needs: both-judges
// From signed expressions to trusted derivations: two people sign a commit, somebody approves what
// it evaluates to, and it builds on a machine whose policy asks for that.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  approvalPolicy,
  approve,
  committers,
  DEFAULT_NIX,
  newKey,
  SOURCE,
  sourceRepository,
  URL,
  writePolicy,
} from '../support/approvals.ts'
import { ATTESTATIONS } from '../support/trust.ts'
import { EVERY_VERSION, withWorld } from '../support/world.ts'

const people = committers()
after(() => people.remove())

const KEY = `--key carol.secret --out ${ATTESTATIONS} --yes`
const BUILD = `nix-build --no-out-link ${SOURCE} --argstr system x86_64-linux`

const FLAKE = `{ outputs = { self }: {
  packages.x86_64-linux.x = import ./default.nix { system = "x86_64-linux"; };
  packages.x86_64-linux.rev = derivation {
    name = "rev"; system = "x86_64-linux"; builder = "/bin/sh"; inherit (self) lastModifiedDate shortRev;
    args = [ "-c" "echo $shortRev $lastModifiedDate > $out" ];
  };
  packages.x86_64-linux.info = derivation {
    name = "info"; system = "x86_64-linux"; builder = "/bin/sh";
    info = builtins.toJSON (removeAttrs self.sourceInfo [ "outPath" ]);
    same = builtins.toJSON (self ? revCount && self ? submodules);
    args = [ "-c" "echo $same > $out" ];
  };
}; }
`

/** Flakes and files in one tree, one of them an input of another one. */
const PARTS = {
  'flake.nix': `{
  inputs.sub.url = "path:./sub";
  inputs.data = { url = "path:./data"; flake = false; };
  outputs = { self, sub, data }: {
    packages.x86_64-linux.x = derivation {
      name = sub.called; system = "x86_64-linux"; builder = "/bin/sh";
      text = "\${data}/text"; from = "\${sub}"; args = [ "-c" "read line < $text; echo $line > $out" ];
    };
  };
}
`,
  'sub/flake.nix': `{
  inputs.next.url = "path:../next";
  outputs = { self, next }: { called = next.called; };
}
`,
  'next/flake.nix': '{ outputs = { self }: { called = "next"; }; }\n',
  'data/text': 'of the tree\n',
  'flake.lock': lockOfParts({
    sub: { path: './sub', parent: [], inputs: { next: 'next' } },
    next: { path: '../next', parent: ['sub'] },
    data: { path: './data', parent: [], flake: false },
  }),
}

/** As Nix writes it from 2.26 on. */
function lockOfParts(
  parts: Readonly<
    Record<
      string,
      { path: string; parent: readonly string[]; inputs?: Record<string, string>; flake?: boolean }
    >
  >,
): string {
  const nodes = Object.entries(parts).map(([name, { path, parent, ...more }]) => {
    const reference = { path, type: 'path' }
    return [name, { ...more, locked: reference, original: reference, parent }] as const
  })
  const root = { inputs: { data: 'data', sub: 'sub' } }
  const lock = { nodes: { ...Object.fromEntries(nodes), root }, root: 'root', version: 7 }
  return `${JSON.stringify(lock, null, 2)}\n`
}

for (const version of EVERY_VERSION) {
  test(`${version}: parts of the tree that are inputs by relative paths are those of the signed tree`, async () => {
    await withWorld(version, {}, async world => {
      const carol = await newKey(world, 'carol')
      await writePolicy(world, approvalPolicy(people, { approvers: { carol }, by: '"carol"' }))
      const source = sourceRepository(world)
      source.commit(PARTS, people.alice)
      source.tag('one', people.bob)
      const { status, stdout, stderr } = await approve(world, `${SOURCE}#x ${KEY}`)
      assert.equal(status, 0, stdout + stderr)
      const [, minor = '0'] = /\b2\.(\d+)/.exec(await world.output('nix --version')) ?? []
      if (Number(minor) < 26) return
      const built = await world.run(`nix build --no-link --no-update-lock-file ${SOURCE}#x`)
      assert.equal(built.status, 0, built.stderr)

      const outside = PARTS['flake.lock'].replaceAll('"./data"', '"../data"')
      source.commit({ 'flake.lock': outside }, people.alice)
      source.tag('two', people.bob)
      const refused = await approve(world, `${SOURCE}#x ${KEY}`)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stdout, /inputs\.data .*outside/)
    })
  })

  test(`${version}: an unsigned change is refused; two signatures later it is approved, builds and is explained`, async () => {
    await withWorld(version, {}, async world => {
      const carol = await newKey(world, 'carol')
      await writePolicy(world, approvalPolicy(people, { approvers: { carol }, by: '"carol"' }))
      const source = sourceRepository(world)
      source.commit({ 'default.nix': DEFAULT_NIX, text: 'one\n' }, people.alice)
      source.tag('one', people.bob)
      const first = await approve(world, `${SOURCE} --file default.nix ${KEY}`)
      assert.equal(first.status, 0, first.stderr)
      assert.match(first.stdout, /signed by alice, bob\nevaluated default\.nix by Nix/)
      assert.match(first.stdout, /no approval of this before/)

      const commit = source.commit({ text: 'two\n' })
      const unsigned = await approve(world, `${SOURCE} --file default.nix ${KEY}`)
      assert.equal(unsigned.status, 10, unsigned.stderr)
      assert.match(unsigned.stdout, new RegExp(`refused ${commit} \\(commit\\).* 2 of 2 committers`, 's'))
      assert.match(unsigned.stderr, /nothing was approved/)
      const refused = await world.run(BUILD)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /carol as approver/)

      const signed = source.amend(people.alice)
      source.tag('two', people.bob)
      const second = await approve(world, `${SOURCE} --file default.nix ${KEY}`)
      assert.equal(second.status, 0, second.stderr)
      assert.match(
        second.stdout,
        /since the approval of .*1 derivation changed: x\.drv\n {2}1 source changed: text/s,
      )
      const built = await world.run(BUILD)
      assert.equal(built.status, 0, built.stderr)
      const out = built.stdout.trim()
      assert.equal(world.read(out), 'two\n')

      for (const path of [out, await world.output(`nix-store -q --deriver ${out}`)]) {
        const { stdout } = await world.run(`/opt/nixsig/nixsig explain ${path}`)
        assert.match(
          stdout,
          new RegExp(`approved by carol .*commit ${signed} of ${URL}, signed by alice, bob`),
        )
      }
    })
  })

  test(`${version}: an output of a flake is the one that its users get`, async () => {
    await withWorld(version, {}, async world => {
      const carol = await newKey(world, 'carol')
      await writePolicy(world, approvalPolicy(people, { approvers: { carol }, by: '"carol"' }))
      const source = sourceRepository(world)
      source.commit({ 'default.nix': DEFAULT_NIX, text: 'one\n', 'flake.nix': FLAKE }, people.alice)
      source.tag('one', people.bob)
      for (const output of ['x', 'rev', 'info']) {
        const { status, stderr } = await approve(world, `${SOURCE}#${output} ${KEY}`)
        assert.equal(status, 0, stderr)
        const built = await world.run(`nix build --no-link ${SOURCE}#${output}`)
        assert.equal(built.status, 0, built.stderr)
      }
    })
  })
}
