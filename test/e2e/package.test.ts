// nix/package.nix, built by a real Nix in its sandbox with this machine's node and cc: what the
// package contains, that it is reproducible, and that its hooks and its plugin guard the Nix that
// built it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MACHINE_IN_SANDBOX, placeCheckout, placeNodeModules } from '../support/checkout.ts'
import * as nix from '../support/expressions.ts'
import { CHECKOUT } from '../support/nixos.ts'
import { IMPORT, makeElsewhere, refuses } from '../support/plugin-world.ts'
import { assertBuilt, assertRefusedBeforeBuild, instantiate } from '../support/scene.ts'
import { byDefault, contentsOf, packaged, policyText, publish, setPolicy, signer } from '../support/trust.ts'
import { type Outcome, type World, withWorld } from '../support/world.ts'

const MODULES = '/srv/node_modules'
const CPU = process.arch
const VERSION = (JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')) as { version: string })
  .version

/** All that a package has, below its libexec/nixsig, apart from what commands share. */
const FILES = [
  'LICENSES.txt',
  'after-build.js',
  'build-hook',
  ...['main', 'policy', 'verify'].map(layer => `cli/${layer}.js`),
  'decide.js',
  'judge.js',
  'native/door/hook',
  'native/door/nixsig-door.so',
  'native/nixsig-plugin.so',
  'native/post-build-hook',
  'native/pre-build-hook',
  'nixsig',
  'package.json',
  'page/page.css',
  'page/page.js',
  'post-build-hook',
  'pre-build-hook',
  `prebuilds/linux-${CPU}/sodium-native.node`,
  'remote-builders.js',
  'sigstore.js',
]

/**
 * The package with the node_modules of this checkout in place of npm's registry, and other
 * attributes changed.
 */
function expression(nixpkgs: string, attributes = ''): string {
  return `(import ${CHECKOUT} { pkgs = import ${nixpkgs} { }; }).nixsig.overrideAttrs {
    nodeModules = builtins.path { path = ${MODULES}; name = "nixsig-node-modules"; };
    ${attributes}
  }`
}

interface Package {
  readonly world: World
  /** The store path. */
  readonly out: string
  /** Builds it with other attributes. */
  build(attributes: string): Promise<Outcome>
  /** The first line of one of its programs. */
  firstLine(program: string): string
}

/** Lets `use` have further settings in nix.conf, which name programs of the package. */
async function withSettings(
  { world, out }: Package,
  settings: Readonly<Record<string, string>>,
  use: () => Promise<void>,
): Promise<void> {
  const conf = world.read('/etc/nix/nix.conf')
  const lines = Object.entries(settings).map(([name, file]) => `${name} = ${out}/libexec/nixsig/${file}\n`)
  world.write('/etc/nix/nix.conf', conf + lines.join(''))
  try {
    await use()
  } finally {
    world.write('/etc/nix/nix.conf', conf)
  }
}

/** What is built from a source is refused until bob signed it. */
async function assertGuarded({ world, out }: Package, source: string): Promise<void> {
  const bob = signer('bob')
  await setPolicy(world, policyText({ bob: [bob] }, byDefault('bob', 'nothing', 'self')))
  world.write(`/srv/${source}`, `${source}, which bob wrote\n`)
  const { out: built } = await instantiate(world, nix.withInputs(`of${source}`, [`/srv/${source}`]))
  await assertRefusedBeforeBuild(world, built, /needs bob for its source, found no signature/)
  const path = await world.output(`nix-store --add /srv/${source}`)
  publish(world, path, packaged(bob, await contentsOf(world, path)))
  await assertBuilt(world)
  assert.match(await world.output(`${out}/bin/nixsig verify ${built}`), /vouched for by this machine/)
}

const TESTS: Readonly<Record<string, (built: Package) => Promise<void>>> = {
  'has these files and no others': async ({ world, out }) => {
    const list = "find . ! -type d | sed 's,^./,,' | LC_ALL=C sort"
    const files = await world.output(`cd ${out}/libexec/nixsig && ${list}`)
    // Files of commands are named after a module or by a hash of what is in them.
    const own = /^cli\/([a-z.-]+\.[a-z-]+|[a-z-]+-[0-9A-Z]{8})\.js$/
    assert.deepEqual(
      files.split('\n').filter(file => !own.test(file)),
      FILES,
    )
    const others = await world.output(`cd ${out} && ${list} | grep -v ^libexec/`)
    const [program, completion, ...manuals] = others.split('\n')
    assert.deepEqual([program, completion], ['bin/nixsig', 'share/bash-completion/completions/nixsig'])
    assert.ok(manuals.includes('share/man/man1/nixsig-verify.1'))
    assert.deepEqual(
      manuals.filter(file => !/^share\/man\/man1\/nixsig(-[a-z-]+)?\.1$/.test(file)),
      [],
    )
  },

  'comes out the same when it is built again, and wherever its source lies': async ({
    world,
    out,
    build,
  }) => {
    await world.output('nix-build --no-out-link --check /srv/package.nix')
    const { status, stdout, stderr } = await build(`unpackPhase = ''
      mkdir -p some/where/else
      cp -r $src/. some/where/else
      chmod -R u+w some
      cd some/where/else
    '';`)
    assert.equal(status, 0, stderr)
    const other = stdout.trim()
    assert.notEqual(other, out)
    // It names itself nowhere, so there is nothing to be taken out before both are compared.
    await world.output(`diff -r --no-dereference ${out} ${other}`)
  },

  'needs node and what it calls when it runs, and nothing of what it was built with': async ({
    world,
    out,
    firstLine,
  }) => {
    const references = (await world.output(`nix-store -q --references ${out}`)).split('\n')
    const names = references.map(path => path.slice('/nix/store/'.length + 33))
    const called = [
      'bzip2',
      'coreutils',
      'git',
      'gzip',
      'sequoia-sqv',
      'systemdMinimal',
      'util-linux',
      'xz',
      'zstd',
    ]
    assert.deepEqual(names.map(name => name.replace(/-[0-9.]+$/, '')).sort(), [...called, 'nodejs'].sort())
    const node = references.find(path => path.includes('-nodejs-'))
    assert.equal(firstLine('nixsig'), `#!${node}/bin/node`)
  },

  'calls programs by store path, also where the system has none of them': async ({ world, out }) => {
    const bob = signer('bob')
    await setPolicy(world, policyText({ bob: [bob] }, byDefault('nothing', 'nothing', 'self')))
    await world.output(`mkdir -p /srv/repository; cd /srv/repository; git init -q
      git -c user.name=bob -c user.email=bob@example.org commit -q --allow-empty -m one`)
    const traced = `strace -f -e trace=execve -o /srv/trace ${out}/bin/nixsig git status --require bob`
    const { stdout, stderr } = await world.run(`cd /srv/repository && ${traced}`)
    assert.match(world.read('/srv/trace'), /execve\("\/nix\/store\/[^"]+-git-1\/bin\/git"/, stdout + stderr)
    await world.output('rm /etc/nixsig/policy.toml')
  },

  'keeps the environment of whoever builds out of the hooks': async ({ firstLine }) => {
    const emptied = /^#!\/usr\/bin\/env -S -i DRV_PATH=\$\{DRV_PATH\} PATH=\S+ \/nix\/store\/\S+\/bin\/node$/
    for (const hook of ['pre-build-hook', 'post-build-hook']) assert.match(firstLine(hook), emptied)
    const cleaned = /^#!\/usr\/bin\/env -S -u NODE_OPTIONS .* PATH=\S+ \/nix\/store\/\S+\/bin\/node$/
    assert.match(firstLine('build-hook'), cleaned)
  },

  'says its version, and completes its commands in bash': async ({ world, out }) => {
    assert.equal(await world.output(`${out}/bin/nixsig --version`), VERSION)
    const complete = `source ${out}/share/bash-completion/completions/nixsig
      PATH=${out}/bin:$PATH COMP_WORDS=(nixsig quar) COMP_CWORD=1
      _nixsig
      echo "\${COMPREPLY[@]}"`
    assert.equal(await world.output(['bash', '-c', complete]), 'quarantine')
  },

  'is not made without a C compiler, where a checkout does without': async ({ build }) => {
    const { status, stderr } = await build(`preBuild = "sed -i s/'cc'/'no-such-cc'/ tools/build.mjs";`)
    assert.notEqual(status, 0)
    assert.match(stderr, /no C compiler/)
    assert.match(stderr, /native\/nixsig-plugin\.so was not built/)
  },

  'is not made when a first line is longer than the kernel reads': async ({ build }) => {
    const longer = 'PATH=/a/directory/that/comes/before/all/the/others:'
    const { status, stderr } = await build(`preInstall = "sed -i '1s,PATH=,${longer},' dist/build-hook";`)
    assert.notEqual(status, 0)
    assert.match(stderr, /the first line of build-hook is too long/)
  },

  'guards Nix with its hooks in Node': built => {
    const hooks = { 'pre-build-hook': 'pre-build-hook', 'post-build-hook': 'post-build-hook' }
    return withSettings(built, hooks, () => assertGuarded(built, 'one'))
  },

  'guards Nix with its thin hooks': built => {
    const hooks = { 'pre-build-hook': 'native/pre-build-hook', 'post-build-hook': 'native/post-build-hook' }
    return withSettings(built, hooks, () => assertGuarded(built, 'two'))
  },

  'keeps out, with its plugin, what nobody let in': async built => {
    await makeElsewhere(built.world, 'evil')
    await withSettings(built, { 'plugin-files': 'native/nixsig-plugin.so' }, () =>
      refuses(built.world, IMPORT),
    )
  },
}

// Only this machine's root has a C compiler, and not that of sid.
test('the package', context =>
  withWorld('bookworm', { hooks: false, nixConf: MACHINE_IN_SANDBOX }, async world => {
    const nixpkgs = placeCheckout(world)
    placeNodeModules(world, MODULES)
    world.write('/srv/package.nix', expression(nixpkgs))
    const out = await world.output(
      'nix-build --out-link /root/package /srv/package.nix 2>/tmp/log || tail /tmp/log',
    )
    const built: Package = {
      world,
      out,
      build(attributes) {
        world.write('/srv/otherwise.nix', expression(nixpkgs, attributes))
        return world.run('nix-build --no-out-link /srv/otherwise.nix')
      },
      firstLine: program => world.read(`${out}/libexec/nixsig/${program}`).split('\n', 1)[0] ?? '',
    }
    for (const [name, use] of Object.entries(TESTS)) await context.test(name, () => use(built))
  }))
