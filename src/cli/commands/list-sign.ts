import { jsonLine } from '../../explain/verdict-json.ts'
import { isRole } from '../../lists/keep/keepers.ts'
import { planOf } from '../../lists/keep/plan.ts'
import { reportOf } from '../../lists/keep/report.ts'
import { rememberVersions } from '../../lists/keep/seen.ts'
import { signPending, tufSignerId, unsignedBy } from '../../lists/keep/sign.ts'
import { printable } from '../../primitives/printable.ts'
import { askToAgree } from '../ask.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { LIST_ARGUMENT, listDirectory, listMemory } from '../list-arguments.ts'
import { sayChanges } from '../list-report.ts'
import { SIGNER_OPTIONS, type SignerOptions, withSigner } from '../signer-argument.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends SignerOptions {
  readonly directory: string
  readonly timestamp: boolean
  readonly renew: readonly string[]
  readonly yes: boolean
  readonly json: boolean
}

/** `nixsig list sign DIRECTORY` */
export const listSign = command({
  arguments: { directory: LIST_ARGUMENT },
  options: {
    ...SIGNER_OPTIONS,
    signer: {
      ...SIGNER_OPTIONS.signer,
      text: 'Who signs: file:PATH, or ssh:FINGERPRINT (an Ed25519 key in the SSH agent)',
    },
    timestamp: { kind: 'flag', text: 'Renew snapshot and timestamp, although nothing changed' },
    renew: { kind: 'values', value: 'ROLE', text: 'Sign this role anew, so that it ends later' },
    yes: { kind: 'flag', text: 'Do not ask' },
    json: JSON_OPTION,
  },
  examples: [
    ['list sign list --key alice.secret', 'Everything that alice has to sign, after showing what changed'],
    ['list sign list --key alice.secret --timestamp --yes', 'The list stays as it is, for another 60 days'],
  ],
  epilogue:
    'What was published before is verified first. Nothing is signed but what this program makes of list.json and keepers.json itself.',
  run: sign,
})

async function sign(options: Options, { terminal }: Invocation): Promise<Status> {
  if (options.json && !options.yes) throw new UsageError('--json answers no question: add --yes')
  const directory = listDirectory(options.directory)
  const renew = new Set([
    ...options.renew.map(roleOf),
    ...(options.timestamp ? ['snapshot', 'timestamp'] : []),
  ])
  const wanted = { renew, now: Math.floor(Date.now() / 1000) }
  const plan = planOf(directory, wanted)
  rememberVersions(listMemory(), plan.published)
  return withSigner<Status>(options, async signer => {
    const roles = unsignedBy(plan, tufSignerId(signer)).map(
      ({ role, metadata }) => `${role} ${metadata.signed.version}`,
    )
    const isNothing = roles.length === 0
    if (!options.json && !isNothing) {
      sayChanges(terminal, reportOf(directory, plan))
      terminal.print(`to be signed: ${roles.join(', ')}`)
    }
    if (!isNothing && !options.yes && !(await askToAgree(`Sign by ${signer.label}?`))) {
      terminal.note('nixsig: nothing was signed')
      return 2
    }
    const signed = isNothing ? [] : await signPending(directory, signer, plan, wanted)
    if (options.json) terminal.print(jsonLine({ signer: signer.label, signed }))
    else if (isNothing) terminal.print(`there is nothing for ${signer.label} to sign`)
    else terminal.print(`${terminal.good('signed')} ${signed.join(', ')} by ${signer.label}`)
    return 0
  })
}

function roleOf(text: string): string {
  if (isRole(text)) return text
  throw new UsageError(`--renew ${printable(text)}: not the name of a role`)
}
