// docs/how-to/commits.md, locks.md and approver.md, run as they are written: repositories on the
// disk in place of the pages' servers, and people who sign in them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Commands, commandsOf, exampleOf } from '../docs/markdown.ts'
import { POLICY, runAll, STOCK, settledIn, usePolicy } from '../docs/page.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import { lookFor, messagesOf } from '../docs/shown.ts'
import { EVERY_VERSION, type World, withWorld } from '../support/world.ts'

const COMMITS = 'docs/how-to/commits.md'
const LOCKS = 'docs/how-to/locks.md'
const APPROVER = 'docs/how-to/approver.md'

/** Alice signs commits with SSH, carol with a key of nixsig's. */
async function makePeople(world: World): Promise<void> {
  await settledIn(world)
  await world.output(`for who in alice carol; do ssh-keygen -q -t ed25519 -N "" -C $who@laptop -f $who; done
    nixsig keygen carol-1
    git config --global user.name Alice; git config --global user.email alice@example.org
    git config --global init.defaultBranch main; git config --global gpg.format ssh
    git config --global user.signingKey /root/alice; git config --global commit.gpgSign true`)
}

/** The page's policy with the keys of these people. */
function usePage(world: World, page: string, text = exampleOf(page, 'Say who must sign', 'toml')): void {
  usePolicy(world, text)
  const key = world.read('/root/alice.pub').trim()
  world.write(POLICY, world.read(POLICY).replace(/ssh-ed25519 [^"]*/, key))
}

/** Commands of a section, run in a directory, with further lines before them. */
function commandsIn(directory: string, page: string, section: string, before = ''): readonly Commands[] {
  return commandsOf(page, section).map(each => ({
    ...each,
    script: `cd ${directory}\n${before}${each.script}`,
  }))
}

const AGENT = `eval "$(ssh-agent)" >/dev/null
trap 'ssh-agent -k >/dev/null' EXIT
ssh-add -q /root/carol
`

for (const version of EVERY_VERSION) {
  test(`${version}: ${COMMITS}`, () =>
    withWorld(version, { nixConf: STOCK }, async world => {
      await makePeople(world)
      usePage(world, COMMITS)
      await world.output(`git init -q --bare /srv/hosts.git; git clone -q /srv/hosts.git hosts; cd hosts
        cp /root/carol-1.secret .; echo "I read all of it." >review.txt; printf '*.secret\\nreview.txt\\n' >.gitignore
        echo one >box.nix; git add .; git commit -q -m one; git tag v1.0
        nixsig git sign --key carol-1.secret
        echo two >box.nix; git commit -q -a -m two; git push -q origin main`)
      await runAll(world, commandsIn('hosts', COMMITS, 'See what is missing, and what changed'))
      await runAll(world, commandsIn('hosts', COMMITS, 'Sign', AGENT))
      await world.output(
        'mkdir hosts/hosts-1.0; cd hosts; git archive v1.0 | tar -x -C hosts-1.0; echo hosts-1.0 >>.git/info/exclude',
      )
      await runAll(world, commandsIn('hosts', COMMITS, 'Verify'))
      world.write('/root/hosts/hosts-1.0/box.nix', 'two')
      const [, files] = commandsIn('hosts', COMMITS, 'Verify')
      assert.notEqual((await world.run(files?.script ?? '')).status, 0)
    }))

  test(`${version}: ${LOCKS}`, () =>
    withWorld(version, { nixConf: STOCK }, async world => {
      await makePeople(world)
      const url = 'file:///srv/git'
      const here = (text: string) => text.replaceAll('https://git.example.org', url)
      usePage(world, LOCKS, here(exampleOf(LOCKS, 'Say who must sign', 'toml')))
      await world.output(`mkdir -p /srv/git/infra /srv/mirrors
        for name in lib site; do git init -q --bare /srv/git/infra/$name; done`)
      const flake = `{ inputs.lib.url = "git+${url}/infra/lib?ref=main"; outputs = { lib, ... }: { }; }`
      world.write('/root/site-flake.nix', flake)
      const commit = async (name: string, prepare: string) =>
        world.output(`set -e; [ -d ${name} ] || git clone -q ${url}/infra/${name}; cd ${name}; ${prepare}
          git add .; git commit -q -m release; nixsig git sign --key /root/carol-1.secret
          git push -q origin main; nixsig git push origin`)
      await commit('lib', "echo '{ outputs = _: { }; }' >flake.nix")
      const lock = 'nix flake lock --extra-experimental-features "nix-command flakes"'
      await commit('site', `cp /root/site-flake.nix flake.nix; git add flake.nix; ${lock}`)
      await world.output(`git clone -q --mirror ${url}/infra/lib /srv/mirrors/lib`)
      const rev = await world.output('git -C lib rev-parse HEAD')
      const hash = JSON.parse(world.read('/root/site/flake.lock')).nodes.lib.locked.narHash
      const about = (commands: readonly Commands[]) =>
        commands.map(each => ({
          ...each,
          script: here(each.script).replace('COMMIT', rev).replace('sha256-…', hash),
        }))
      await runAll(world, about(commandsIn('site', LOCKS, 'Verify a lock')))
      await commit('lib', 'echo more >more')
      const [, , ci = assert.fail()] = commandsIn('site', LOCKS, 'In a hook and in CI')
      await world.output('mkdir site/ci; cp /etc/nixsig/policy.toml site/ci/')
      await commit('site', ':')
      await runAll(world, about([ci]))
      await runAll(world, about(commandsIn('site', LOCKS, 'Move an input')))
      const moved = JSON.parse(world.read('/root/site/flake.lock')).nodes.lib.locked.rev
      assert.equal(moved, await world.output('git -C lib rev-parse HEAD'))
    }))
}

const PACKAGE = (name: string) =>
  `derivation { name = "${name}"; inherit system; builder = "/bin/sh"; src = ./.; args = [ "-c" "echo $name >$out" ]; }`

/** A flake with a package, its tests and a system, and a file that has the package as well. */
const TREE = {
  'default.nix': `{ system }: rec {
  hello = derivation {
    name = "hello-2.12"; inherit system tests; builder = "/bin/sh"; src = ./.;
    args = [ "-c" "echo hello >$out" ];
  };
  tests = ${PACKAGE('hello-tests')};
}
`,
  'flake.nix': `{
  outputs = { self }: {
    packages.x86_64-linux = import ./default.nix { system = "x86_64-linux"; };
    nixosConfigurations.box.config.system.build.toplevel = self.packages.x86_64-linux.hello;
  };
}
`,
}

/** Answers yes at the terminal that a command asks. */
function sayingYes(commands: readonly Commands[]): readonly Commands[] {
  return commands.map(each => ({
    ...each,
    script: `cat >/root/typed.sh <<'END'\n${each.script}END\nscript -qec 'sh -e /root/typed.sh' /dev/null <<END\ny\nEND\n`,
  }))
}

/** With numbers, times and hashes of any other graph. */
function ofAnyGraph(commands: readonly Commands[]): readonly Commands[] {
  const any = ({ source }: RegExp) =>
    new RegExp(
      source
        .replace(/\d{4}-\d\d-\d\dT[\d:]+Z/, '\\S+')
        .replace(/\b(?:1f3e|32de|0b77)\b/, '[0-9a-f]{4}')
        .replace(/\b\d+ (derivation|source)s?\b/g, '\\d+ $1s?')
        .replace(/Nix [\d.\\]+/, 'Nix \\S+'),
    )
  return commands.map(each => ({ ...each, answer: each.answer.map(any) }))
}

for (const version of EVERY_VERSION) {
  test(`${version}: ${APPROVER}`, () =>
    withWorld(version, { nixConf: STOCK }, async world => {
      await makePeople(world)
      await world.output('for who in bob-1 dave; do nixsig keygen $who; done')
      const key = (name: string) =>
        `[principals.${name.split('-')[0]}]\nkeys = ["${world.read(`/root/${name}.pub`).trim()}"]\n`
      const people = ['alice', 'bob-1', 'carol-1', 'dave'].map(key).join('')
      const committed = exampleOf(APPROVER, 'Approve what a commit evaluates to', 'toml')
      const inputs = ['https://github.com/NixOS/nixpkgs', 'https://git.example.org/box'].map(
        url => `[[inputs]]\nurl = "${url}"\nrequire = "committers"\n`,
      )
      const directories = '[attestations]\ndirectories = ["/root/hello/published"]\n'
      const own = exampleOf(APPROVER, 'Approve on the machine itself', 'toml')
      const use = (approvals: string) =>
        world.write(
          POLICY,
          `version = 1\nmode = "enforce"\n${directories}${people}${committed}${inputs.join('')}${approvals}`,
        )

      const rules = (by: string) => own.replace('by = "self"', `by = "${by}"`)
      use(rules('dave'))
      for (const [name, text] of Object.entries(TREE)) world.write(`/root/hello/${name}`, text)
      const sign = 'git add .; git commit -q -m release; nixsig git sign --key /root/bob-1.secret'
      await world.output(
        `cd hello; git init -q; cp /root/dave.secret .; printf 'published\\n*.secret\\n' >.gitignore; ${sign}`,
      )
      const dave = '--url https://git.example.org/hello --key dave.secret --out published --yes'
      await world.output(`cd hello; nixsig approve .#hello ${dave}; echo more >more; ${sign}`)
      await runAll(
        world,
        ofAnyGraph(sayingYes(commandsIn('hello', APPROVER, 'Approve what a commit evaluates to'))),
      )
      // From the list of the graph: the work tree has more files than the commit.
      const drv = await world.output(
        "ls -t hello/published/approvals/*.graph | head -n 1 | xargs grep -o '^/nix/store/[^ ]*-hello-2.12.drv'",
      )
      await world.output(['nix-store', '--realise', drv])
      const explained = await world.output(`nixsig explain ${drv}`)
      const asOnPage = explained
        .replaceAll('/root/hello/published', 'published')
        .replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, '2026-11-29T13:30:00Z')
        .replace(/\b[0-9a-f]{64}\b/g, '32de')
        .replace(/\b[0-9a-f]{40}\b/g, '1f3e')
        .replace(/intoto\.jsonl:\d+/g, 'intoto.jsonl:1')
      lookFor(messagesOf(APPROVER, 'Find out where something came from'), asOnPage, version)

      const graph = await world.output("cd hello/published/approvals; ls -t | grep 'graph$' | head -n 1")
      const list = commandsOf('docs/attestations.md', 'An approver: approval').map(each => ({
        ...each,
        script: `cd hello/published\n${each.script.replace('GRAPH', graph.replace('.graph', '')).replace(/\/nix\/store\/…-hello-2\.12\.drv/, drv)}`,
      }))
      await runAll(world, list)
      const hash = await world.output(`sha256sum <hello/published/approvals/${graph}`)
      assert.equal(`${hash.split(' ')[0]}.graph`, graph)

      const [file, clone] = commandsIn('hello', APPROVER, 'Without flakes, and for channels')
      assert.ok(file && clone)
      await runAll(world, sayingYes([file]))
      use(rules('self'))
      await world.output(
        'git clone -q --bare hello /srv/nixpkgs; cd hello; git push -q /srv/nixpkgs refs/notes/*:refs/notes/*',
      )
      const there = clone.script
        .replace('cd hello', 'cd /root')
        .replace(
          'clone https://github.com/NixOS/nixpkgs',
          'clone /srv/nixpkgs; git -C nixpkgs fetch -q origin "refs/notes/*:refs/notes/*"',
        )
      await runAll(world, sayingYes([{ ...clone, script: there }]))
      await world.output('cp -a hello /etc/nixos')
      const switching = commandsOf(APPROVER, 'Approve on the machine itself').map(each => ({
        ...each,
        // What it builds, before it switches.
        script: each.script.replace(/nixos-rebuild switch --flake .*/, `nixsig verify ${drv}`),
      }))
      await runAll(world, sayingYes(switching))
    }))
}

everyBlockWasRun('e2e/how-to-expressions')
