// Expressions that read something other than what was verified cannot be approved, whichever Nix
// evaluates them, unless that was permitted by name.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  approvalPolicy,
  approve,
  committers,
  newKey,
  SOURCE,
  sourceRepository,
  writePolicy,
} from '../support/approvals.ts'
import { EVERY_VERSION, withWorld } from '../support/world.ts'

const people = committers()
after(() => people.remove())

const FORBIDDEN = /is forbidden in (?:pure eval(?:uation)?|restricted) mode/

/** By name: an expression that is put into a derivation, and why its evaluation fails. */
const ESCAPES: Readonly<Record<string, readonly [expression: string, reason: RegExp]>> = {
  currentTime: ['toString builtins.currentTime', /attribute 'currentTime' missing/],
  currentSystem: ['builtins.currentSystem', /attribute 'currentSystem' missing/],
  path: ['builtins.path { path = "/srv/other"; name = "x"; }', FORBIDDEN],
  pathOfTree: ['builtins.path { path = ./. + "/../../../srv/other"; name = "x"; }', FORBIDDEN],
  filterSource: ['builtins.filterSource (path: type: true) /srv/other', FORBIDDEN],
  readFile: ['builtins.readFile "/srv/other/file"', FORBIDDEN],
  hashFile: ['builtins.hashFile "sha256" "/etc/passwd"', FORBIDDEN],
  importOutside: ['import /srv/other/default.nix', FORBIDDEN],
  symlink: ['builtins.readFile ./outside', FORBIDDEN],
  otherStorePath: ['builtins.readFile "OTHER"', FORBIDDEN],
  storePath: ['builtins.storePath "OTHER"', /'builtins.storePath' is not allowed in pure evaluation mode/],
  NIX_PATH: ['toString <nixpkgs>', /cannot look up '<nixpkgs>' in pure evaluation mode/],
  findFile: [
    'builtins.readFile (builtins.findFile [ { prefix = "x"; path = "/srv/other"; } ] "x/file")',
    FORBIDDEN,
  ],
  importFromDerivation: [
    'builtins.readFile (derivation { name = "b"; inherit system; builder = "/bin/sh"; args = [ "-c" "echo > $out" ]; })',
    /cannot build '.*b\.drv.*' during evaluation because the option 'allow-import-from-derivation' is disabled/s,
  ],
  fetchGitHead: ['(builtins.fetchGit "/srv/git").outPath', /forbidden|unlocked input|git/],
  fetchGitFile: ['(builtins.fetchGit "file:///srv/git").outPath', /forbidden|unlocked input|git/],
  fetchGitRevision: ['(builtins.fetchGit { url = "file:///srv/git"; rev = "REVISION"; }).outPath', FORBIDDEN],
  fetchTarball: [
    'builtins.fetchTarball { url = "http://127.0.0.1:1/x.tar"; sha256 = "0000000000000000000000000000000000000000000000000000"; }',
    FORBIDDEN,
  ],
  fetchurl: ['builtins.fetchurl "file:///srv/other/file"', FORBIDDEN],
  fetchTree: [
    '(builtins.fetchTree { type = "path"; path = "/srv/other"; }).outPath',
    /fetchTree|fetch-tree|flakes/,
  ],
  getFlake: ['(builtins.getFlake "git+file:///srv/git?rev=REVISION").outPath', /getFlake|flakes/],
  exec: ['builtins.exec [ "/bin/sh" "-c" "echo 1" ]', /attribute 'exec' missing/],
}

function expressionOf(other: string, revision: string): string {
  const derivations = Object.entries(ESCAPES).map(([name, [text]]) => {
    const expression = text.replace('OTHER', other).replace('REVISION', revision)
    return `${name} = drv (${expression});`
  })
  return `{ system }: let
  drv = from: derivation { name = "x"; inherit system from; builder = "/bin/sh"; args = [ "-c" "echo > $out" ]; };
in {
  environment = drv (builtins.getEnv "OUTSIDE" + toString (builtins.pathExists "/srv/other/file"));
  ${derivations.join('\n  ')}
}
`
}

for (const version of EVERY_VERSION) {
  test(`${version}: what reads outside what was verified is not approved`, async t => {
    await withWorld(version, {}, async world => {
      const carol = await newKey(world, 'carol')
      await writePolicy(world, approvalPolicy(people, { approvers: { carol }, by: '"carol"' }))
      world.write('/srv/other/file', 'not verified\n')
      world.write('/srv/other/default.nix', '"not verified"\n')
      const other = await world.output('nix-store --add /srv/other/file')
      await world.output(
        'git init -q /srv/git && cd /srv/git && echo "{ outputs = _: { }; }" > flake.nix && git add . && git -c user.name=x -c user.email=x commit -qm x',
      )
      const revision = await world.output('git -C /srv/git rev-parse HEAD')
      const source = sourceRepository(world)
      source.commit({ 'default.nix': expressionOf(other, revision) }, people.alice)
      source.link('outside', '/srv/other/file', people.alice)
      source.tag('one', people.bob)

      for (const [name, [, reason]] of Object.entries(ESCAPES)) {
        await t.test(name, async () => {
          const { status, stdout, stderr } = await approve(
            world,
            `${SOURCE} --file default.nix -A ${name} --dry-run`,
            { env: { NIX_PATH: 'nixpkgs=/srv/other' } },
          )
          assert.equal(status, 2, stdout + stderr)
          assert.match(stderr, reason)
        })
      }

      await t.test('getEnv', async () => {
        const shown = ['', 'something'].map(outside =>
          approve(world, `${SOURCE} --file default.nix -A environment --dry-run`, {
            env: { OUTSIDE: outside },
          }),
        )
        const [one, two] = await Promise.all(shown)
        assert.equal(one?.status, 0, one?.stderr)
        assert.equal(one?.stdout, two?.stdout)
      })

      await t.test('what lies in the work tree and is not committed', async () => {
        world.write(`${SOURCE}/default.nix`, '{ system }: throw "from the work tree"')
        const { status, stderr } = await approve(
          world,
          `${SOURCE} --file default.nix -A environment --dry-run`,
        )
        assert.equal(status, 0, stderr)
      })
    })
  })
}

const PERMITTED = `{ system }: let
  drv = from: derivation { name = "x"; inherit system from; builder = "/bin/sh"; args = [ "-c" "echo > $out" ]; };
  made = derivation { name = "made"; inherit system; builder = "/bin/sh"; args = [ "-c" "echo made > $out" ]; };
in {
  fetched = drv (builtins.fetchTarball { url = "file:///srv/x.tar"; sha256 = "HASH"; });
  built = drv (builtins.readFile made);
}
`

for (const version of EVERY_VERSION) {
  test(`${version}: what was permitted is read, and a build for it is judged like any other`, async () => {
    await withWorld(version, {}, async world => {
      const carol = await newKey(world, 'carol')
      const policy = { approvers: { carol }, by: '"carol"' }
      await writePolicy(world, approvalPolicy(people, policy))
      world.write('/srv/t/file', 'in an archive\n')
      await world.output('tar cf /srv/x.tar -C /srv t')
      const hash = await world.output('nix-hash --type sha256 --base32 /srv/t')
      const source = sourceRepository(world)
      source.commit({ 'default.nix': PERMITTED.replace('HASH', hash) }, people.alice)
      source.tag('one', people.bob)
      const show = (name: string, more: string) =>
        approve(world, `${SOURCE} --file default.nix -A ${name} --dry-run ${more}`)
      assert.match((await show('fetched', '')).stderr, FORBIDDEN)
      assert.match((await show('fetched', '--allow-uri file:///srv/y')).stderr, FORBIDDEN)
      const fetched = await show('fetched', '--allow-uri file:///srv/x.tar')
      assert.equal(fetched.status, 0, fetched.stderr)
      assert.match(fetched.stdout, /1 derivation and 1 source,/)

      const refused = await show('built', '--allow-import-from-derivation')
      assert.equal(refused.status, 2)
      assert.match(refused.stderr, /carol as approver/)
      const rest = `[[rules]]\nmatch = { name = "made", kind = "derivation" }\nrequire.derivation = "nothing"\n`
      await writePolicy(world, approvalPolicy(people, { ...policy, rest }))
      const built = await show('built', '--allow-import-from-derivation')
      assert.equal(built.status, 0, built.stderr)
    })
  })
}
