/**
 * Times `nixsig audit` of a store of 10,000 input-addressed paths that the ledger admits, each
 * against `nix store verify --sigs-needed 1 --no-contents` of the same paths, in pairs: without
 * what an earlier audit kept, and with it while nothing changed. BENCH_PATHS and BENCH_PAIRS set
 * how many.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeStorePath } from '../src/formats/nix/make-store-path.ts'
import { narOfBytes } from '../src/formats/nix/nar.ts'
import { parseStorePath } from '../src/formats/nix/store-path.ts'
import { printAdmission } from '../src/ledger/admission-text.ts'
import { type Admission, entryFile } from '../src/ledger/admissions.ts'
import { stampOf } from '../src/ledger/stamp.ts'
import { parsePolicy } from '../src/policy/language/parse.ts'
import { byDefault, POLICY, policyText, setPolicy, sha256, signer } from '../test/support/trust.ts'
import { NEWEST, type World, withWorld } from '../test/support/world.ts'
import { spread } from './statistics.ts'

const PATHS = Number(process.env['BENCH_PATHS'] ?? 10_000)
const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 7)
const STATE = '/var/lib/nixsig'
/** References of each path to earlier ones. */
const BACK = [1, 2, 3, 7, 50, 400]

const BUILDERS = [signer('hydra'), signer('own')]

interface Made {
  readonly path: string
  readonly contents: string
  readonly references: readonly string[]
}

function paths(): readonly Made[] {
  const all: Made[] = []
  for (let number = 0; number < PATHS; number++) {
    const name = `package-${number}-1.${number % 7}`
    const references = BACK.flatMap(back => all[number - back]?.path ?? [])
    const contents = `${name}\n${references.join('\n')}\n`
    all.push({ path: makeStorePath('output:out', sha256(name), name), contents, references })
  }
  return all
}

/** Puts them into the store of the world as `nix-store --load-db` takes them, and signs them. */
async function fill(world: World, all: readonly Made[]): Promise<void> {
  mkdirSync(world.path('/nix/store'), { recursive: true })
  const lines: string[] = []
  for (const { path, contents, references } of all) {
    writeFileSync(world.path(path), contents, { mode: 0o444 })
    const nar = narOfBytes(Buffer.from(contents), false)
    lines.push(path, sha256(nar), `${nar.length}`, '', `${references.length}`, ...references)
  }
  world.write('/root/registration', `${lines.join('\n')}\n`)
  await world.output('nix-store --load-db < /root/registration', { timeout: 600_000 })
  const { key } = BUILDERS[0] ?? signer('hydra')
  world.write('/root/secret', `${key.name}:${Buffer.from(key.secretKey).toString('base64')}`, 0o600)
  await world.output('nix --extra-experimental-features nix-command store sign --all -k /root/secret', {
    timeout: 600_000,
  })
}

/** As if each had been admitted when it was copied here. */
function admit(world: World, all: readonly Made[]): void {
  const toml = world.read(POLICY)
  const { digest } = parsePolicy({
    toml,
    file: POLICY,
    directory: dirname(POLICY),
    certificate: () => Buffer.alloc(0),
  })
  const now = Math.floor(Date.now() / 1000)
  for (const { path, contents } of all) {
    const claims = BUILDERS.slice(0, 1).map(({ key }) => ({
      key: `ed25519:${Buffer.from(key.publicKey).toString('hex')}`,
      role: 'builder' as const,
      graph: undefined,
      seen: now - 60,
      trace: 'nix',
      origin: "the store's database",
    }))
    const entry: Admission = {
      path,
      narHash: sha256(narOfBytes(Buffer.from(contents), false)),
      policy: digest,
      until: undefined,
      stamp: stampOf(world.path(path)),
      kind: 'output',
      builtHere: false,
      derivation: undefined,
      time: now,
      rule: 'default',
      claims,
      build: undefined,
    }
    const file = entryFile(world.path(STATE), parseStorePath(path).digest)
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, printAdmission(entry), { mode: 0o600 })
  }
}

interface Timed {
  /** Of the clock, and of the processor with all that the command started. */
  readonly seconds: number
  readonly processor: number
}

function timed(world: World, command: string): Timed {
  const [program, ...args] = world.enter(['/bin/sh', '-c', `${command}; s=$?; times >&2; exit $s`])
  const begun = performance.now()
  const { status, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const seconds = (performance.now() - begun) / 1000
  if (status !== 0) throw new Error(`${command}: ${status} ${stderr}`)
  const [user = 0, system = 0] = [...stderr.matchAll(/(\d+)m([\d.]+)s/g)]
    .slice(-2)
    .map(([, minutes, rest]) => Number(minutes) * 60 + Number(rest))
  return { seconds, processor: user + system }
}

/** The most memory that an audit had at once, in megabytes. */
async function memoryOf(world: World): Promise<number> {
  const print = "process.stderr.write('most ' + process.resourceUsage().maxRSS)"
  world.write('/root/memory.cjs', `process.on('exit', () => ${print})`)
  const audit = 'node -r /root/memory.cjs /opt/nixsig/cli/main.js audit --store --json > /dev/null'
  const { stderr } = await world.run(audit, { timeout: 600_000 })
  return Math.round(Number(/most (\d+)/.exec(stderr)?.[1]) / 1024)
}

const VERIFY =
  'nix --extra-experimental-features nix-command store verify --all --sigs-needed 1 --no-contents'

for (const version of NEWEST) {
  await withWorld(version, { resident: 'none' }, async world => {
    await setPolicy(
      world,
      `${policyText({ hydra: BUILDERS.slice(0, 1), own: BUILDERS.slice(1) }, byDefault('nothing', 'nothing', 'hydra'))}accept-unknown-derivation = true\n`,
    )
    const all = paths()
    await fill(world, all)
    admit(world, all)
    const keys = BUILDERS.map(({ publicKey }) => publicKey).join(' ')
    const verify = `${VERIFY} --option trusted-public-keys '${keys}'`
    const audit = '/opt/nixsig/nixsig audit --store --json > /root/audit.json'
    const forget = () => rmSync(join(world.path(STATE), 'audit'), { recursive: true, force: true })
    const profile = process.env['BENCH_PROFILE']
    if (profile !== undefined) {
      for (const name of ['cold', 'warm']) {
        timed(world, `cd /root && node --cpu-prof --cpu-prof-dir=/root/${name} ${audit}`)
        cpSync(world.path(`/root/${name}`), join(profile, name), { recursive: true })
      }
    }
    const took: Record<'first' | 'cold' | 'second' | 'warm', Timed[]> = {
      first: [],
      cold: [],
      second: [],
      warm: [],
    }
    for (let pair = -1; pair < PAIRS; pair++) {
      const first = timed(world, verify)
      forget()
      const cold = timed(world, audit)
      const second = timed(world, verify)
      const warm = timed(world, audit)
      if (pair < 0) continue
      for (const [name, one] of Object.entries({ first, cold, second, warm })) took[name as 'first'].push(one)
    }
    const found = JSON.parse(world.read('/root/audit.json'))
    const trusted = found.paths.filter(({ outcome }: { outcome: string }) => outcome === 'trusted').length
    const about = `${world.nixVersion}: ${all.length} paths, ${trusted} trusted`
    console.log(`${about}, ${found.weakest?.falls} fall with one key`)
    const say = (what: string, one: readonly Timed[], other: readonly Timed[]) => {
      const ratio = (of: 'seconds' | 'processor') =>
        spread(one.map((each, index) => each[of] / (other[index]?.[of] ?? Number.NaN)))
      const own = spread(
        one.map(({ seconds }) => seconds),
        ' s',
      )
      console.log(
        `${what}: ${own}; of nix's: ${ratio('seconds')}, of its processor time: ${ratio('processor')}`,
      )
    }
    say('nix store verify --sigs-needed 1 --no-contents, against itself (the noise)', took.first, took.second)
    say('nixsig audit, nothing kept', took.cold, took.first)
    say('nixsig audit, nothing changed', took.warm, took.second)
    forget()
    for (const when of ['nothing kept', 'nothing changed'])
      console.log(`memory, ${when}: at most ${await memoryOf(world)} MB`)
  })
}
