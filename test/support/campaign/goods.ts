/** What a round of a campaign builds: some outputs must be let in, some never. */
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import { openStore } from '../../../src/store/store-client.ts'
import * as nix from '../expressions.ts'
import { type GuardedWorld, PACKAGER } from '../guarded-world.ts'
import { POLICY, packaged, publish, sha256 } from '../trust.ts'

export interface Made {
  readonly drv: string
  readonly out: string
}

export interface Round {
  readonly good: readonly Made[]
  /**
   * Outputs that nobody attested and for which this machine does not suffice, or whose attested
   * contents differ.
   */
  readonly bad: readonly Made[]
}

/** Long enough to be killed while it runs. */
const WORK = 'i=0; while [ $i -lt 8000 ]; do i=$((i+1)); done'
const BUILD = `${WORK}; echo "$name" > $out`

/**
 * Sets a policy by which outputs whose names begin with `bought` need the builder; for all others
 * this machine suffices.
 */
export function askForBuilder({ world }: GuardedWorld): void {
  const rule =
    '[[rules]]\nmatch = { name = "bought-*", kind = "output" }\nrequire.output = "builder"\n[default]'
  world.write(POLICY, world.read(POLICY).replace('\n[default]', `\n${rule}`))
}

/**
 * Prepares `count` rounds, with all derivations in the store and attested; `series` is part of all
 * names.
 */
export async function prepareRounds(
  guarded: GuardedWorld,
  series: string,
  count: number,
): Promise<readonly Round[]> {
  const names = Array.from({ length: count }, (_, index) => `${series}-${index}`)
  const made = await instantiateAll(guarded, names.flatMap(expressionsOf))
  await guarded.attest(...made.map(({ drv }) => drv))
  return names.map((name, index) => {
    const [top, fetched, bought, other, nobody, unsigned] = made.slice(index * 6, index * 6 + 6) as [
      Made,
      Made,
      Made,
      Made,
      Made,
      Made,
    ]
    attestOutput(guarded, bought, `bought-${name}\n`)
    attestOutput(guarded, other, 'something else\n')
    publish(
      guarded.world,
      fetched.out,
      packaged(PACKAGER, { path: fetched.out, narHash: hashOf(`fetched ${name}`) }),
    )
    return { good: [top, fetched, bought], bad: [other, nobody, unsigned] }
  })
}

function expressionsOf(name: string): readonly string[] {
  const plain = (what: string) => nix.derivation(what, { build: BUILD })
  const fixed = (what: string) =>
    nix.fixedOutput(`${what}-${name}`, `${what} ${name}`, sha256(`${what} ${name}`))
  return [
    nix.withInputs(`top-${name}`, [plain(`input-${name}`)]),
    fixed('fetched'),
    plain(`bought-${name}`),
    plain(`bought-other-${name}`),
    plain(`bought-nobody-${name}`),
    fixed('unsigned'),
  ]
}

async function instantiateAll(
  { world }: GuardedWorld,
  expressions: readonly string[],
): Promise<readonly Made[]> {
  world.write('/srv/campaign.nix', nix.all(expressions))
  const drvs = (
    await world.output('nix-instantiate /srv/campaign.nix 2>/dev/null', { timeout: 600_000 })
  ).split('\n')
  const store = await openStore({ socket: world.path('/nix/var/nix/daemon-socket/socket') })
  try {
    const made: Made[] = []
    for (const drv of drvs) made.push({ drv, out: (await store.outputs(drv)).get('out') ?? '' })
    return made
  } finally {
    store.close()
  }
}

function hashOf(contents: string): string {
  return sha256(narOfBytes(Buffer.from(contents), false))
}

function attestOutput(guarded: GuardedWorld, { drv, out }: Made, contents: string): void {
  guarded.attestOutput({ path: out, narHash: hashOf(contents), drv })
}
