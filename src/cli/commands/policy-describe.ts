import { resolve } from 'node:path'
import { jsonLine, verdictJson } from '../../explain/verdict-json.ts'
import { ownPlaces } from '../../files/own-places.ts'
import { isDerivationPath, parseStorePath, type StorePath } from '../../formats/nix/store-path.ts'
import { type Respite, respiteAt } from '../../ledger/respite.ts'
import { describePolicy } from '../../policy/describe.ts'
import { KINDS } from '../../policy/language/match.ts'
import { ruleFor } from '../../policy/match.ts'
import type { Policy, Rule, SubjectKind } from '../../policy/policy.ts'
import type { Verdict } from '../../policy/verdict.ts'
import { whyOf } from '../../policy/why.ts'
import { ruleLinesFor, whyLines } from '../../policy/why-words.ts'
import { pathWord } from '../../policy/words.ts'
import { verifyPath } from '../../verifier/verify.ts'
import { outputWidth, wrapText } from '../columns.ts'
import { command, EVERYWHERE, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { readPolicy } from '../policy-argument.ts'
import { policyJson, whyJson } from '../policy-json.ts'
import { storePathOf } from '../store-argument.ts'
import type { Terminal } from '../terminal.ts'

interface Options {
  readonly file: string | undefined
  readonly path: string | undefined
  readonly json: boolean
}

/** `nixsig policy describe [FILE]` */
export const describe = command({
  arguments: {
    file: { count: 'at most one', text: 'A draft; without it, the policy in force, with its respite' },
  },
  options: {
    path: {
      kind: 'value',
      value: 'PATH',
      text: 'Why this store path would pass, or not: the rule that decides, and who meets it',
    },
    json: JSON_OPTION,
  },
  examples: [
    ['policy describe', 'Whom this machine trusts, and for what'],
    ['policy describe draft.toml --path ./result', 'What a draft would say of a path'],
  ],
  reads: EVERYWHERE,
  ownPolicy: 'first',
  run: describeIt,
})

async function describeIt(
  options: Options,
  { places, terminal }: Invocation<(typeof EVERYWHERE)[number]>,
): Promise<Status> {
  const file = options.file === undefined ? places.policy : resolve(options.file)
  const policy = readPolicy(file, options.file === undefined, places.state)
  const now = Math.floor(Date.now() / 1000)
  const isInForce = options.file === undefined && file !== ownPlaces().policy
  const respite = isInForce ? respiteAt(places.state, now) : undefined
  if (options.path !== undefined)
    return why(
      parseStorePath(storePathOf(options.path)),
      { file, policy, respite },
      { options, places, terminal },
    )
  if (options.json) {
    terminal.print(jsonLine({ policy: file, respite: respite ?? null, ...policyJson(policy) }))
    return 0
  }
  sayLines(terminal, describePolicy(policy, { now, respite }).split('\n'))
  return 0
}

interface Read {
  readonly file: string
  readonly policy: Policy
  readonly respite: Respite | undefined
}

async function why(
  path: StorePath,
  { file, policy, respite }: Read,
  { options, places, terminal }: Invocation<(typeof EVERYWHERE)[number]> & { readonly options: Options },
): Promise<Status> {
  const { withDraft } = await import('../draft-inquiry.ts')
  const { verdict, now } = await withDraft(
    policy,
    { ...places, policy: file },
    {
      note: terminal.note,
      use: async inquiry => ({
        verdict: await verifyPath(inquiry, path.path, 'registered'),
        now: inquiry.now,
      }),
    },
  )
  const name = isDerivationPath(path) ? path.name.slice(0, -'.drv'.length) : path.name
  if (isOfUnknownKind(verdict)) {
    const rules = rulesByKind(policy, path, name)
    if (options.json)
      terminal.print(
        jsonLine({
          policy: file,
          path: path.path,
          known: false,
          rules: rules.map(([kind, { title, line }]) => ({ kind, title, line })),
        }),
      )
    else
      sayLines(terminal, [
        `${pathWord(path.path)} is not in this store, so what kind of path it is is not known`,
        ...ruleLinesFor(rules),
      ])
    return 0
  }
  const found = whyOf(policy, verdict, name, now)
  if (options.json)
    terminal.print(
      jsonLine({
        policy: file,
        path: path.path,
        known: true,
        ...whyJson(found),
        respite: respite ?? null,
        verdict: verdictJson(verdict),
      }),
    )
  else sayLines(terminal, whyLines(policy, verdict, found, respite?.until))
  return 0
}

/** Whether the store does not have the path, or cannot be asked. */
function isOfUnknownKind(verdict: Verdict): boolean {
  return verdict.outcome !== 'trusted' && verdict.ground.kind === 'store'
}

function rulesByKind(
  policy: Policy,
  path: StorePath,
  name: string,
): readonly (readonly [SubjectKind, Rule])[] {
  const kinds = KINDS.filter(kind => (kind === 'derivation') === isDerivationPath(path))
  return kinds.map(kind => [kind, ruleFor(policy, { name, kind })] as const)
}

/** Lines that fit the terminal: what is wrapped is indented by four more. */
function sayLines(terminal: Terminal, lines: readonly string[]): void {
  const width = outputWidth()
  for (const line of lines) {
    const [, indent = '', text = ''] = /^( *)(.*)$/s.exec(line) ?? []
    const [first = '', ...more] = width === undefined ? [text] : wrapText(text, width - indent.length - 4)
    terminal.print([`${indent}${first}`, ...more.map(each => `${indent}    ${each}`)].join('\n'))
  }
}
