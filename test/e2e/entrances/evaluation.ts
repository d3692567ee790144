/**
 * Entrances by which files become sources: evaluation, and the commands that add or fetch what a
 * build shall have.
 */
import { sourcePath } from '../../../src/formats/nix/make-store-path.ts'
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import { cachedPath } from '../../support/cache-of-many.ts'
import * as nix from '../../support/expressions.ts'
import { stock } from '../../support/gated-world.ts'
import { BUILDER, PACKAGER, STRANGER } from '../../support/guarded-world.ts'
import { contentsOf, packaged, publish, sha256 } from '../../support/trust.ts'
import type { Outcome } from '../../support/world.ts'
import { building, UNSIGNED } from './builds.ts'
import type { Attempt, Cell, Entrance } from './entrance.ts'
import { strictly } from './other-policy.ts'
import { makePackage, ownRepository } from './packages.ts'

const home = ({ user }: Cell) => (user === 'root' ? '/root' : `/home/${user}`)

/** The files of a cell, its user's own, each with contents of its own. */
interface Files {
  /** One file, named as the cell. */
  readonly file: string
  /** A directory with a file in it, and a flake. */
  readonly directory: string
  /** The same as a tarball of one directory. */
  readonly tarball: string
}

async function writeFiles(cell: Cell): Promise<Files> {
  const { world, name, user } = cell
  const [base, contents] = [`${home(cell)}/files/${name}`, `${name}\n`]
  const directory = `${base}/${name}`
  world.write(`${base}/file/${name}`, contents)
  world.write(`${directory}/file`, contents)
  world.write(`${directory}/flake.nix`, `{ outputs = { self }: { name = "${name}"; }; }\n`)
  const tarball = `${base}/${name}.tar.gz`
  await world.output(`tar -C ${base} -czf ${tarball} ${name} && chown -R ${user} ${home(cell)}/files`)
  return { file: `${base}/file/${name}`, directory, tarball }
}

/** The store path in what a command says of itself. */
function pathIn({ stdout, stderr }: Outcome): string {
  const [path = ''] = /\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+._?=-]+/.exec(`${stdout}\n${stderr}`) ?? []
  return path
}

/** The packager's word on a source that is there. */
async function sign({ world, trusted }: Cell, path: string): Promise<void> {
  if (trusted) publish(world, path, packaged(PACKAGER, await contentsOf(world, path)))
}

/**
 * A row of a command that makes a source and says its path; such a source may be there before
 * anybody signed it.
 */
function adding(
  entrance: string,
  command: (files: Files, cell: Cell) => string,
  more: Partial<Entrance> = {},
): Entrance {
  return {
    entrance,
    users: ['alice', 'root'],
    untrusted: 'data',
    by: 'build-hook front',
    async attempt(cell) {
      const outcome = await cell.world.run(command(await writeFiles(cell), cell), { user: cell.user })
      const path = pathIn(outcome)
      await sign(cell, path)
      return { outcome, path }
    },
    ...more,
  }
}

const COMMANDS: readonly Entrance[] = [
  adding('`nix-store --add`', ({ file }) => `nix-store --add ${file}`),
  adding('`nix-store --add-fixed`', ({ file }) => `nix-store --add-fixed sha256 ${file}`),
  adding('`nix store add-file`', ({ file }) => `nix store add-file ${file}`),
  adding('`nix store add-path`', ({ directory }) => `nix store add-path ${directory}`),
  adding('`nix-prefetch-url file://…`', ({ file }) => `nix-prefetch-url --print-path file://${file}`),
  adding(
    '`nix-prefetch-url --unpack file://…`',
    ({ tarball }) => `nix-prefetch-url --print-path --unpack file://${tarball}`,
  ),
  adding('`nix-prefetch-url http://…`', (_, cell) => {
    const { files, url } = cell.guarded.upstream
    files.set(`files/${cell.name}`, cell.name)
    return `nix-prefetch-url --print-path ${url}/files/${cell.name}`
  }),
  adding('`nix flake metadata`', ({ directory }) => `nix flake metadata path:${directory}`),
  adding('`nix flake prefetch`', ({ directory }) => `nix flake prefetch path:${directory}`),
  adding('`nix flake archive`', ({ directory }) => `nix flake archive --json path:${directory}`),
]

/** What an expression has to say to get a source, and what it has to be allowed. */
const EXPRESSIONS: Readonly<Record<string, (files: Files, cell: Cell) => string | Promise<string>>> = {
  'a path in an expression': ({ file }) => `"\${${file}}"`,
  '`builtins.path`': ({ directory }) => `builtins.path { path = ${directory}; name = "path"; }`,
  '`builtins.filterSource`': ({ directory }) => `builtins.filterSource (_: _: true) ${directory}`,
  '`builtins.toFile`': (_, { name }) => nix.toFile(name, `${name}\n`),
  '`builtins.fetchurl`': ({ file }) => `builtins.fetchurl file://${file}`,
  '`builtins.fetchurl` with a hash': ({ file }, { name }) =>
    `builtins.fetchurl { url = "file://${file}"; sha256 = "${sha256(`${name}\n`)}"; }`,
  '`builtins.fetchTarball`': ({ tarball }) => `builtins.fetchTarball file://${tarball}`,
  '`builtins.fetchTree`': ({ directory }) =>
    `(builtins.fetchTree { type = "path"; path = "${directory}"; }).outPath`,
  '`builtins.getFlake`': ({ directory }) => `(builtins.getFlake "path:${directory}").outPath`,
  '`builtins.fetchGit`': async ({ directory }, cell) => {
    const repository = await ownRepository(cell, { directory, file: '', drv: '', out: '' })
    return `(builtins.fetchGit "file://${repository}").outPath`
  },
}

/**
 * A row of an expression that is evaluated, and one in which a derivation is made of it and built.
 */
function evaluating(what: string, expression: (typeof EXPRESSIONS)[string]): readonly Entrance[] {
  return [
    {
      ...adding(what, () => ''),
      async attempt(cell) {
        const text = await expression(await writeFiles(cell), cell)
        const outcome = await cell.world.run(['nix', 'eval', '--impure', '--raw', '--expr', text], {
          user: cell.user,
        })
        const path = outcome.stdout
        await sign(cell, path)
        return { outcome, path }
      },
    },
    {
      entrance: `${what}, and a build of it`,
      users: ['alice', 'root'],
      untrusted: 'refused',
      by: 'build-hook front',
      reason: UNSIGNED,
      async attempt(cell) {
        const { guarded, world, user, name, trusted } = cell
        const source = await expression(await writeFiles(cell), cell)
        const file = `/srv/${name}.nix`
        world.write(file, nix.withInputs(`${name}-build`, [`(${source})`]))
        const drv = (await world.output(`nix-instantiate ${file}`, { user })).split('\n')[0] ?? ''
        const path = await world.output(`nix-store -q --outputs ${drv}`)
        if (trusted) await guarded.attest(drv)
        return { outcome: await world.run(`nix-build --no-out-link ${file}`, { user }), path }
      },
    },
  ]
}

/**
 * Updates a channel that lies beside. Its tarball is a source like any other, and unpacking it a
 * build.
 */
async function updateChannel(cell: Cell): Promise<Attempt> {
  const { guarded, world, user, name, trusted } = cell
  const { directory } = await writeFiles(cell)
  const channel = `${home(cell)}/channel-${name}`
  await world.output(
    `mkdir -p ${channel} && tar -C ${directory}/.. -cJf ${channel}/nixexprs.tar.xz ${name}`,
    { user },
  )
  const update = `nix-channel --add file://${channel} ${name} && nix-channel --update ${name}`
  const first = await world.run(update, { user })
  // Another channel that was refused stays in the user's list.
  const unsubscribe = () => world.output(`nix-channel --remove ${name}`, { user })
  if (!trusted) {
    await unsubscribe()
    return { outcome: first }
  }
  const [, drv = ''] = /refused (\/nix\/store\/\S+\.drv)/.exec(first.stderr) ?? []
  await guarded.attest(drv)
  const outcome = await world.run(update, { user })
  await unsubscribe()
  return { outcome }
}

/** Locks a flake whose input lies beside it, and is copied in for that. */
async function lockFlake(cell: Cell): Promise<Attempt> {
  const { world, user } = cell
  const { directory } = await writeFiles(cell)
  const flake = `${home(cell)}/files/${cell.name}/flake`
  world.write(
    `${flake}/flake.nix`,
    `{ inputs.input.url = "path:${directory}"; outputs = { self, input }: { inherit (input) name; }; }\n`,
  )
  await world.output(`chown -R ${user} ${flake}`)
  const outcome = await world.run(`nix flake lock path:${flake}`, { user })
  const [, hash = ''] = /"narHash": "sha256-([^"]+)"/.exec(world.read(`${flake}/flake.lock`)) ?? []
  const path = sourcePath({ name: 'source', narHash: Buffer.from(hash, 'base64').toString('hex') })
  await sign(cell, path)
  return { outcome, path }
}

const UNKNOWN_SIGNER = /nixsig: refused .*needs 1 of 2 makers for its output/

const OTHERS: readonly Entrance[] = [
  {
    entrance: '`nix-channel --update`',
    users: ['alice', 'root'],
    untrusted: 'refused',
    by: 'pre-build hook',
    reason: UNSIGNED,
    note: 'The tarball is in the store as data. Unpacking it is a build.',
    attempt: updateChannel,
  },
  { ...adding('`nix flake lock` of a local input', () => ''), attempt: lockFlake },
  {
    entrance: '`builtins.storePath` of what the gate’s upstream has',
    users: ['alice', 'root'],
    untrusted: 'refused',
    by: 'gate',
    reason: UNKNOWN_SIGNER,
    async attempt({ guarded, world, user, name, trusted }) {
      const cached = cachedPath(name, `${name}\n`, [trusted ? BUILDER : STRANGER])
      stock(guarded.upstream, cached)
      const outcome = await world.run(`nix eval --impure --raw --expr 'builtins.storePath ${cached.path}'`, {
        user,
      })
      return { outcome, path: cached.path }
    },
  },
]

/** A row of the strict mode, of a file that is signed before it is there. */
function strict(
  entrance: string,
  command: (file: string, cell: Cell) => string,
  more: Partial<Entrance> = {},
): Entrance {
  return {
    entrance: `${entrance}, \`sources = "attested"\``,
    users: ['alice', 'root'],
    untrusted: 'refused',
    by: 'plugin',
    reason: /needs packager for its source, found no signature/,
    attempt: cell =>
      strictly(cell, async () => {
        const { world, user, name, trusted } = cell
        const { file } = await writeFiles(cell)
        const narHash = sha256(narOfBytes(Buffer.from(`${name}\n`), false))
        const path = sourcePath({ name, narHash })
        if (trusted) publish(world, path, packaged(PACKAGER, { path, narHash }))
        const outcome = await world.run(command(file, cell), { user })
        if (more.untrusted !== 'data') return { outcome, path }
        await sign(cell, outcome.stdout)
        return { outcome, path: outcome.stdout }
      }),
    ...more,
  }
}

const evaluate = (expression: string) => `nix eval --impure --raw --expr '${expression}'`

const STRICT: readonly Entrance[] = [
  strict('`nix-store --add`', file => `nix-store --add ${file}`),
  strict('`nix store add-path`', file => `nix store add-path ${file}`),
  strict('a path in an expression', file => evaluate(`"\${${file}}"`)),
  strict('`builtins.path`', file => evaluate(`builtins.path { path = ${file}; }`)),
  strict('`builtins.toFile`', (_, { name }) => evaluate(nix.toFile(name, `${name}\n`)), {
    untrusted: 'data',
    by: 'build-hook front',
    note: 'Texts that evaluation writes are data with `"attested"` too.',
  }),
  strict('`nix-instantiate`', (file, { name }) => `nix-instantiate -E '${nix.withInputs(name, [file])}'`),
]

/**
 * A derivation that comes as a file like any other, so that its name is not what makes a
 * derivation's.
 */
async function addDerivation(cell: Cell): Promise<Attempt> {
  const { world, user, name } = cell
  const { drv, out } = await makePackage(cell, { attested: true })
  const copy = `${home(cell)}/derivations/${name}.drv`
  world.write(copy, world.read(drv))
  const added = await world.output(`nix-store --add ${copy}`, { user })
  await sign(cell, added)
  return { outcome: await world.run(['nix-store', '--realise', added], { user }), path: out }
}

const DERIVATIONS: readonly Entrance[] = [
  {
    entrance: '`nix-store --add` of a `.drv`, then `nix-store -r`',
    users: ['alice', 'root'],
    untrusted: 'refused',
    trusted: 'refused',
    by: 'build-hook front',
    reason: /nixsig: refused /,
    note: 'A derivation must be what its name says, whoever attested it.',
    attempt: addDerivation,
  },
  building('`nix build --eval-store ~/…`', ({ file }, { user }) => {
    const store = user === 'root' ? '/root/eval-store' : `/home/${user}/eval-store`
    return `nix build --no-link --eval-store ${store} -f ${file}`
  }),
]

export const EVALUATION: readonly Entrance[] = [
  ...COMMANDS,
  ...Object.entries(EXPRESSIONS).flatMap(([what, expression]) => evaluating(what, expression)),
  ...OTHERS,
  ...STRICT,
  ...DERIVATIONS,
]
