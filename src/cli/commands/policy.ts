import { resolve } from 'node:path'
import { jsonLine } from '../../explain/verdict-json.ts'
import type { Policy } from '../../policy/policy.ts'
import { counted } from '../../primitives/counted.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { policySource } from '../policy-argument.ts'
import { type PolicyReport, reportOn } from '../policy-report.ts'

interface Options {
  readonly file: string | undefined
  readonly strict: boolean
  readonly json: boolean
}

/** `nixsig policy check [FILE]` */
export const checkPolicy = command({
  arguments: {
    file: {
      count: 'at most one',
      text: 'A draft; without it, the policy in force, and whether others can change it',
    },
  },
  options: {
    strict: { kind: 'flag', text: 'Exit with 2 on a warning too' },
    json: JSON_OPTION,
  },
  examples: [
    ['policy check draft.toml', 'Before it is put into force'],
    ['policy check --strict', 'In a script: nothing may be over, open or unsigned'],
  ],
  epilogue: `A policy that has an error admits nothing. One that is warned of means what it
says, which may not be what you want.
Status 0: no error. 2: an error, or with --strict a warning.`,
  reads: ['policy'],
  ownPolicy: 'first',
  run: check,
})

async function check(options: Options, { terminal, places }: Invocation<'policy'>): Promise<Status> {
  const file = options.file === undefined ? places.policy : resolve(options.file)
  const report = reportOn(policySource(file, options.file === undefined), Math.floor(Date.now() / 1000))
  const { errors, warnings, policy } = report
  const status = errors.length > 0 || (options.strict && warnings.length > 0) ? 2 : 0
  if (options.json) {
    terminal.print(jsonLine(reportJson(report)))
    return status
  }
  const name = printable(file)
  for (const { line, message } of errors) terminal.note(`nixsig: ${name}:${line}: ${message}`)
  for (const { message } of warnings) terminal.note(`nixsig: warning: ${message}`)
  const found = [
    ...(errors.length === 0 ? [] : [counted(errors.length, 'error')]),
    ...(warnings.length === 0 ? [] : [counted(warnings.length, 'warning')]),
  ]
  if (policy !== undefined) terminal.print(`${terminal.good('good')} ${name}: ${summary(policy)}`)
  if (status === 0) return 0
  const target = options.file === undefined ? '' : ` ${printable(options.file)}`
  terminal.note(`nixsig: ${found.join(', ')}; next: correct the policy, then: nixsig policy check${target}`)
  return status
}

function reportJson({ file, errors, warnings, policy }: PolicyReport) {
  return {
    policy: file,
    good: policy !== undefined,
    errors,
    warnings,
    summary:
      policy === undefined
        ? null
        : {
            mode: policy.mode,
            principals: policy.principals.size,
            groups: policy.groups.size,
            rules: policy.rules.length,
            lists: policy.lists.size,
            digest: policy.digest,
          },
  }
}

function summary({ mode, principals, groups, rules, lists, digest }: Policy): string {
  const counts = [
    counted(principals.size, 'principal'),
    counted(groups.size, 'group'),
    counted(rules.length, 'rule'),
    ...(lists.size === 0 ? [] : [counted(lists.size, 'list')]),
  ]
  return `mode ${mode}, ${counts.join(', ')}, digest ${digest.slice(0, 16)}`
}
