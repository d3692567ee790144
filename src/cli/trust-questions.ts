/** What `nixsig trust subscribe` asks: whether it is the right list, and for what it may speak. */
import type { FirstRootSeen } from '../lists/subscribe/first-root.ts'
import { ALL_ROLES } from '../policy/language/lists.ts'
import type { Role } from '../policy/policy.ts'
import { askToAgree, hasTerminal, type Interview, openInterview } from './ask.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** What answers these questions before anybody is asked. */
interface Answers {
  readonly root: string | undefined
  readonly role: readonly string[]
  readonly json: boolean
}

/** Undefined where nobody can be asked, or nothing has to be. */
export type Questions = Interview | undefined

/** Opens the terminal for all questions at once: what was typed ahead answers the next one. */
export async function withQuestions<T>(
  answers: Answers,
  use: (questions: Questions) => Promise<T>,
): Promise<T> {
  const { root, role, json } = answers
  const isAsked = (root === undefined || role.length === 0) && hasTerminal() && !json
  const questions = isAsked ? openInterview() : undefined
  try {
    return await use(questions)
  } finally {
    questions?.close()
  }
}

interface Asking {
  readonly terminal: Terminal
  readonly questions: Questions
}

const COMPARE = 'compare it with what its keepers publish elsewhere'

/** Throws UsageError, with what was found, unless it is the root that was meant. */
export async function compareRoot(
  first: FirstRootSeen,
  { root, json }: Answers,
  { terminal, questions }: Asking,
): Promise<void> {
  const { keyids, threshold } = first.root.roles.root
  const found = [
    `its first root has the fingerprint ${first.sha256}`,
    `${threshold} of ${keyids.length} root keys have to sign a new root:`,
    ...keyids.map(id => `  ${id}`),
  ]
  if (root !== undefined) {
    await assertRoot(first, root)
    if (!json) for (const line of found) terminal.print(line)
    return
  }
  if (questions === undefined)
    throw new UsageError(
      `${found.join('\n')}\nnothing was done: whether this is the right list nobody can tell from the list itself; next: ${COMPARE}, then give it as --root`,
    )
  for (const line of found) terminal.print(line)
  if (!(await askToAgree('is this what its keepers publish elsewhere?', questions)))
    throw new UsageError(`nothing was done; next: ${COMPARE}, then the same command again`)
}

async function assertRoot(first: FirstRootSeen, root: string): Promise<void> {
  const { parseFingerprints, whyAnotherRoot } = await import('../lists/subscribe/first-root.ts')
  const fingerprints = parseFingerprints(root)
  if (fingerprints === undefined)
    throw new UsageError('--root: give 64 hexadecimal digits, or several such with commas between them')
  const why = whyAnotherRoot(first, fingerprints)
  if (why === undefined) return
  throw new UsageError(
    `this is another list, or somebody in between changed it: ${why}; nothing was done; next: look for a slip in --root and in the address, then ask its keepers, but not through the same server`,
  )
}

/** The roles that a list may speak for. Throws UsageError. */
export async function rolesFor(
  { role }: Answers,
  name: string,
  questions: Questions,
): Promise<readonly Role[]> {
  if (role.length > 0) return [...new Set(role as readonly Role[])]
  if (questions === undefined)
    throw new UsageError(`which roles may ${name} speak for? next: --role developer, or another role`)
  const answer = await questions.ask(`which roles may ${name} speak for (${ALL_ROLES.join(', ')})? `)
  const given = answer.split(/[\s,]+/).filter(each => each !== '')
  const roles = ALL_ROLES.filter(each => given.includes(each))
  if (roles.length === 0 || roles.length < new Set(given).size)
    throw new UsageError(
      `nothing was done: the roles are ${ALL_ROLES.join(', ')}; next: the same command with --role`,
    )
  return roles
}
