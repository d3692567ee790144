/**
 * `nixsig approve TARGET`: from signed expressions to the one signature on everything that they
 * evaluate to.
 */
import { resolve } from 'node:path'
import { envelopeBy } from '../../crypto/envelope.ts'
import type { Signer } from '../../crypto/signers/signer.ts'
import { keepApproval } from '../../evidence/approvals/keep.ts'
import { changeLines, preparedLines } from '../../explain/approval-words.ts'
import { approvalBefore } from '../../expressions/approve/before.ts'
import { changesBetween } from '../../expressions/approve/changes.ts'
import { type Prepared, prepareApproval } from '../../expressions/approve/prepare.ts'
import { approvalPayload } from '../../expressions/approve/statement.ts'
import type { Target } from '../../expressions/approve/target.ts'
import { parseBuildGraph } from '../../formats/nix/build-graph.ts'
import { openRepository } from '../../git/open-repository.ts'
import { writeHereApproval } from '../../ledger/here-approvals.ts'
import { adviceFor } from '../../policy/advice.ts'
import { exitCode } from '../../policy/exit-code.ts'
import { type Policy, SELF } from '../../policy/policy.ts'
import { BY_ROOT } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import { openStore } from '../../store/store-client.ts'
import { expressionTrustOf, loadPolicy } from '../../verifier/policy-file.ts'
import { askToAgree } from '../ask.ts'
import { command, EVERYWHERE, type Invocation, OUT_OPTION, type PlaceName } from '../command.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { LOCK_OPTIONS, repositoryPlaces } from '../lock-arguments.ts'
import { inputStatus, sayInputs } from '../lock-table.ts'
import { paged } from '../pager.ts'
import { assertPolicyThere, readPolicy } from '../policy-argument.ts'
import { sayGroundsOf } from '../print-verdict.ts'
import { urlOf } from '../repository-argument.ts'
import { saySection } from '../say-section.ts'
import { SIGNER_OPTIONS, type SignerOptions, withSigner } from '../signer-argument.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends SignerOptions {
  readonly target: string | undefined
  readonly file: string | undefined
  readonly attr: readonly string[]
  readonly url: string | undefined
  readonly revision: string
  readonly system: string | undefined
  readonly 'allow-uri': readonly string[]
  readonly 'allow-import-from-derivation': boolean
  readonly here: boolean
  readonly repo: readonly string[]
  readonly out: string
  readonly yes: boolean
  readonly 'dry-run': boolean
}

export const approve = command({
  arguments: {
    target: {
      count: 'at most one',
      text: 'DIR#OUTPUT: an output of the flake at the top of the git repository DIR; with --file only DIR. By default "."',
    },
  },
  options: {
    url: {
      kind: 'value',
      value: 'URL',
      text: 'The URL by which [[inputs]] of the policy names the repository (by default file:// and its directory)',
    },
    revision: {
      kind: 'value',
      value: 'REV',
      fallback: 'HEAD',
      text: 'The commit, branch or tag whose files are verified and evaluated',
    },
    file: {
      kind: 'value',
      value: 'FILE',
      short: 'f',
      text: 'Evaluate this file of the repository, in place of its flake',
    },
    attr: { kind: 'values', value: 'NAME', short: 'A', text: 'Attribute of the expression in FILE' },
    system: { kind: 'value', value: 'SYSTEM', text: 'Evaluate for this system' },
    'allow-uri': {
      kind: 'values',
      value: 'PREFIX',
      text: 'Let expressions fetch from addresses that begin so, where they give a hash',
    },
    'allow-import-from-derivation': {
      kind: 'flag',
      text: 'Let expressions read what they build while they are evaluated',
    },
    here: {
      kind: 'flag',
      text: 'Approve for this machine alone, without a key: "self" as approver (root)',
    },
    ...LOCK_OPTIONS,
    ...SIGNER_OPTIONS,
    out: OUT_OPTION,
    yes: { kind: 'flag', text: 'Do not ask' },
    'dry-run': { kind: 'flag', text: 'Verify, evaluate and show, and sign nothing' },
  },
  examples: [
    [
      'approve .#hello --url https://github.com/example/hello --key bob.secret --out published',
      "Sign all that the flake's output hello is built from, for others",
    ],
    [
      'approve --file default.nix -A hello --url https://github.com/example/hello --dry-run',
      'Look first: who signed the commit, and what it evaluates to',
    ],
    [
      'approve /etc/nixos#nixosConfigurations.box.config.system.build.toplevel --url https://git.example.org/box --here',
      'as root: nobody else has to evaluate for this machine',
    ],
  ],
  reads: EVERYWHERE,
  run: approveTarget,
})

async function approveTarget(options: Options, invocation: Invocation<PlaceName>): Promise<Status> {
  if (options['dry-run']) return approveBy(undefined, options, invocation)
  if (!options.here) return withSigner(options, signer => approveBy(signer, options, invocation))
  if (process.geteuid?.() !== 0)
    throw new UsageError(`--here: only root can approve for this machine; next: call it ${BY_ROOT}`)
  if (options.key !== undefined || options.signer !== undefined) {
    throw new UsageError('--here needs no key: leave out --key and --signer')
  }
  return approveBy(undefined, options, invocation)
}

async function approveBy(
  signer: Signer | undefined,
  options: Options,
  { places, terminal }: Invocation<PlaceName>,
): Promise<Status> {
  const { place, target } = targetOf(options)
  assertPolicyThere(places.policy)
  // What this machine keeps for itself rests on the policy as the hooks read it.
  const policy = options.here
    ? loadPolicy(places, { remember: false })
    : readPolicy(places.policy, true, places.state)
  const repository = openRepository(place)
  let store: Awaited<ReturnType<typeof openStore>> | undefined
  try {
    store = await openStore()
    const now = Math.floor(Date.now() / 1000)
    terminal.progress('verifying and evaluating')
    const permissions = {
      uris: options['allow-uri'],
      importFromDerivation: options['allow-import-from-derivation'],
    }
    const { revision, system } = options
    const url = urlOf(resolve(place), options.url)
    const question = { repository, url, revision, target, system, permissions }
    const prepared = await prepareApproval(question, {
      policy,
      store,
      now,
      places: repositoryPlaces(options.repo, places),
    })
    if ('refusedInputs' in prepared) {
      sayInputs(terminal, prepared.refusedInputs)
      terminal.note('nothing was approved')
      return mostSevere(prepared.refusedInputs.map(inputStatus))
    }
    if ('refused' in prepared) {
      sayGroundsOf(terminal, prepared.refused)
      saySection(terminal, 'what to do', adviceFor(prepared.refused))
      terminal.note('nothing was approved')
      return exitCode(prepared.refused)
    }
    await paged(terminal, async out => {
      for (const line of preparedLines(prepared)) out.print(line)
      await sayChanges(policy, prepared, options, { places, terminal: out })
    })
    if (options['dry-run']) return 0
    if (!options.yes && !(await askToAgree('Approve all of this?'))) {
      terminal.note('nothing was approved')
      return 1
    }
    if (signer === undefined) await admitRoots(prepared, policy, { places, terminal })
    const file = await keep(prepared, { signer, options, policy, state: places.state, now })
    terminal.print(`${terminal.good('approved')} ${printable(file)}`)
    return 0
  } finally {
    repository.close()
    store?.close()
  }
}

async function keep(
  prepared: Prepared,
  {
    signer,
    options,
    policy,
    state,
    now,
  }: {
    readonly signer: Signer | undefined
    readonly options: Options
    readonly policy: Policy
    readonly state: string
    readonly now: number
  },
): Promise<string> {
  const { list, until, approval } = prepared
  if (signer !== undefined) {
    const payload = approvalPayload(prepared, signer.keyid, now)
    return keepApproval(options.out, await envelopeBy(signer, payload), list)
  }
  const graph = approval.graph.sha256
  const end = until === undefined ? {} : { until }
  const payload = approvalPayload(prepared, SELF, now)
  writeHereApproval(state, { graph, trust: expressionTrustOf(policy), ...end }, { payload, list })
  return `for this machine, as long as the policy trusts the same people${until === undefined ? '' : ` (until ${new Date(until * 1000).toISOString()})`}`
}

/** What an approval for this machine alone lets in, before it does. */
async function admitRoots(
  { roots }: Prepared,
  policy: Policy,
  { places, terminal }: Invocation<PlaceName>,
): Promise<void> {
  const [first, ...more] = roots.map(({ name, narHash }) => ({ path: name, narHash }))
  const { admitByCommand } = await import('../../verifier/command-decisions.ts')
  if (first !== undefined) await admitByCommand({ places, policy }, [first, ...more], terminal.warn)
}

async function sayChanges(
  policy: Policy,
  { approval, list }: Prepared,
  { out, here }: Options,
  { places, terminal }: Invocation<PlaceName>,
): Promise<void> {
  const directories = [...(places.attestations ?? policy.attestations), ...(here ? [] : [out])]
  const before = await approvalBefore(policy, approval, {
    directories,
    state: here ? places.state : undefined,
  })
  if (before === undefined) {
    terminal.print('no approval of this before')
    return
  }
  const changes = changesBetween(before, { approval, entries: parseBuildGraph(list) })
  for (const line of changeLines(before.approval, changes)) terminal.print(line)
}

function targetOf({ target = '.', file, attr }: Options): {
  readonly place: string
  readonly target: Target
} {
  const [place = '', ...rest] = target.split('#')
  if (file !== undefined) {
    if (rest.length > 0) throw new UsageError('with --file, name attributes by --attr')
    return { place, target: { kind: 'file', file, attributes: attr } }
  }
  if (attr.length > 0) throw new UsageError('--attr chooses from a --file; of a flake, say DIR#OUTPUT')
  if (/^[a-z+]+:/.test(place)) {
    throw new UsageError(
      `${printable(place, 100)} is not a directory: clone the repository, and name the clone`,
    )
  }
  return { place: place === '' ? '.' : place, target: { kind: 'flake', attribute: rest.join('#') } }
}
