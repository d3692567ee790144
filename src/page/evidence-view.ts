/** The whole chain of evidence of one path: from its sources to what was made of it. */
import type { PageExpression, PagePath } from '../report/page-shape.ts'
import type { App } from './app.ts'
import { claimList, nextStep, onMap, pathLink, pathList, standingMark } from './bits.ts'
import { button, el } from './dom.ts'
import { baseOf, falling, isSource } from './model.ts'
import { away, counted, day, number, size } from './words.ts'

export function evidenceView(app: App, at: number, path: PagePath): HTMLElement {
  return el(
    'section',
    { class: 'evidence card', attributes: { 'aria-labelledby': 'path-title' } },
    el(
      'div',
      { class: 'evidence-head' },
      standingMark(path),
      button('close', { class: 'quiet close', onClick: () => app.go({ path: undefined }, 'step') }, 'Close'),
    ),
    el('h2', { attributes: { id: 'path-title', tabindex: '-1', 'data-key': 'path-title' } }, path.name),
    el('p', { class: 'mono fine' }, path.path),
    whatToDo(app, path),
    el('h3', {}, 'The chain of evidence'),
    chain(app, at, path),
    el('h3', {}, 'What falls with it'),
    falls(app, at, path),
    el('h3', {}, 'About it'),
    facts(app, path),
  )
}

/** Why it is refused, or by what it passes, and what to do next. */
function whatToDo(app: App, path: PagePath): HTMLElement {
  const { groups, exemptions } = app.model.data
  const group = path.group === undefined ? undefined : groups[path.group]
  const exemption = path.exemption === undefined ? undefined : exemptions[path.exemption]
  const box = el('div', { class: `say is-${path.standing}` })
  if (path.message !== undefined) box.append(el('p', {}, path.message))
  if (path.because !== undefined) {
    const place = app.model.places.get(baseOf(path.because))
    box.append(
      el(
        'p',
        {},
        'The path at fault: ',
        place === undefined ? el('span', { class: 'mono' }, path.because) : pathLink(app, place, 'because'),
      ),
    )
  }
  if (group !== undefined) box.append(nextStep(group.next))
  if (exemption !== undefined)
    box.append(
      el(
        'p',
        {},
        `Trusted by an exemption alone (line ${exemption.line}, until ${day(exemption.until)}): ${exemption.reason}`,
      ),
    )
  if (path.standing === 'unasked') box.append(el('p', {}, `The rule “${path.rule}” requires nothing of it.`))
  if (path.standing === 'trusted') box.append(el('p', {}, `Trusted by the rule “${path.rule}”.`))
  return box
}

function step(name: string, note: string, ...children: readonly (Node | undefined)[]): HTMLElement {
  return el('li', { class: 'step' }, el('h4', {}, name, el('span', { class: 'fine' }, note)), ...children)
}

function chain(app: App, at: number, path: PagePath): HTMLElement {
  const { model } = app
  const derivation = path.kind === 'derivation' ? at : path.derivation
  const inputs = derivation === undefined ? [] : (model.data.paths[derivation]?.inputs ?? [])
  const isSourceAt = (place: number) => isSource(model.data.paths[place])
  const sources = isSource(path) ? [at] : inputs.filter(isSourceAt)
  const others = isSource(path) ? [] : inputs.filter(place => !isSourceAt(place))
  return el(
    'ol',
    { class: 'chain' },
    sourcesStep(app, sources, !isSource(path)),
    derivation === undefined ? noDerivation(path) : derivationStep(app, derivation),
    expressionsStep(app, derivation ?? at),
    others.length === 0
      ? undefined
      : step('Built with', counted(others.length, 'input'), pathList(app, others, 'inputs', 5)),
    isSource(path) ? undefined : buildersStep(app, at, path, derivation),
    outputsStep(app, at, path),
  )
}

const SOURCES_SHOWN = 4

function sourcesStep(app: App, sources: readonly number[], isApart: boolean): HTMLElement {
  if (sources.length === 0)
    return step('Source', 'none is known', el('p', { class: 'none' }, 'No source of it is in this audit.'))
  const shown = sources
    .slice(0, SOURCES_SHOWN)
    .map(place =>
      el(
        'div',
        { class: 'part' },
        isApart ? pathLink(app, place, 'source') : undefined,
        claimList(app, app.model.data.paths[place]?.claims ?? [], `source ${place}`),
      ),
    )
  const rest = sources.slice(SOURCES_SHOWN)
  return step(
    sources.length === 1 ? 'Source' : 'Sources',
    'and who signed',
    ...shown,
    rest.length === 0 ? undefined : pathList(app, rest, 'sources', 3),
  )
}

function noDerivation(path: PagePath): HTMLElement | undefined {
  if (isSource(path)) return undefined
  return step(
    'Derivation',
    'not known',
    el('p', { class: 'none' }, 'No derivation here is known to make it.'),
  )
}

function derivationStep(app: App, derivation: number): HTMLElement {
  const path = app.model.data.paths[derivation]
  return step(
    'Derivation',
    'and who signed its build graph',
    pathLink(app, derivation, 'derivation'),
    claimList(app, path?.claims ?? [], 'derivation signer'),
  )
}

function expressionsStep(app: App, at: number): HTMLElement {
  const expressions = app.model.expressions.get(at) ?? []
  if (expressions.length === 0)
    return step(
      'Expressions',
      'not known',
      el('p', { class: 'none' }, 'No commit is known that it was evaluated from.'),
    )
  const shown = expressions
    .slice(0, 3)
    .map(({ url, revision, claims, ...signed }, index) =>
      el(
        'div',
        { class: 'part' },
        el('p', { class: 'mono' }, `${url} @ ${revision.slice(0, 12)}`),
        signed.signers.length === 0
          ? undefined
          : el('p', {}, `Signed by ${signersOf(signed)}, as its approvers say:`),
        claimList(app, claims, `expression ${index}`),
      ),
    )
  return step('Expressions', 'and who signed and approved the commit', ...shown)
}

/** `carl (committer), cora (committer and reviewer)` */
function signersOf({
  signers,
  committers,
  reviewers,
}: Pick<PageExpression, 'signers' | 'committers' | 'reviewers'>): string {
  return signers
    .map(name => {
      const roles = [
        ...(committers.includes(name) ? ['committer'] : []),
        ...(reviewers.includes(name) ? ['reviewer'] : []),
      ]
      return roles.length === 0 ? name : `${name} (${roles.join(' and ')})`
    })
    .join(', ')
}

function buildersStep(
  app: App,
  at: number,
  { kind, claims = [], isBuiltHere }: PagePath,
  derivation: number | undefined,
): HTMLElement | undefined {
  if (kind === 'derivation' || derivation === at) return undefined
  const builders = claims.filter(({ role }) => role === 'builder')
  const others = claims.filter(({ role }) => role !== 'builder')
  return step(
    'Builders',
    'and who else signed the output',
    isBuiltHere ? el('p', {}, 'Built by this machine.') : undefined,
    builders.length + others.length > 0 || !isBuiltHere
      ? claimList(app, [...builders, ...others], 'builder')
      : undefined,
  )
}

function outputsStep(app: App, at: number, path: PagePath): HTMLElement {
  const { model } = app
  const { kind, derivation } = path
  if (isSource(path)) {
    const users = (model.users[at] ?? []).filter(user => model.data.paths[user]?.kind === 'derivation')
    return step('Used by', counted(users.length, 'derivation'), pathList(app, users, 'used by', 5))
  }
  const made = model.outputs.get(kind === 'derivation' ? at : (derivation ?? -1)) ?? []
  if (kind === 'derivation') return step('Outputs', number(made.length), pathList(app, made, 'outputs', 5))
  const siblings = made.filter(other => other !== at)
  return step(
    'Output',
    'this path',
    el('p', { class: 'fine' }, siblings.length === 0 ? 'The only output here.' : 'Made with it:'),
    siblings.length === 0 ? undefined : pathList(app, siblings, 'siblings', 5),
  )
}

function falls(app: App, at: number, path: PagePath): HTMLElement {
  const fallen = falling(app.model, at)
  const { paths } = app.model.data
  if (fallen.length === 0) return el('p', { class: 'none' }, 'Nothing else needs it.')
  const bySize = [...fallen].sort((a, b) => (paths[b]?.size ?? 0) - (paths[a]?.size ?? 0))
  return el(
    'div',
    {},
    el(
      'p',
      {},
      `${counted(fallen.length, 'path')} ${fallen.length === 1 ? 'needs' : 'need'} it, directly or through others.`,
    ),
    pathList(app, bySize, 'falls', 5),
    onMap(app, `path ${baseOf(path.path)}`, [at, ...fallen]),
  )
}

function facts(app: App, path: PagePath): HTMLElement {
  const { time } = app.model.data
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Kind', path.isAsked ? path.kind : `${path.kind}, behind what was asked for`],
    ['Size', size(path.size)],
    ['NAR hash', path.hash],
    ['Decided by', path.rule],
    ['Registered', path.registered === undefined ? undefined : day(path.registered)],
    ['Holds until', path.until === undefined ? undefined : `${day(path.until)} (${away(path.until, time)})`],
    ['Let in', path.isLetIn ? 'with a warning, as it was refused then' : undefined],
    ['Refers to', counted(path.references.length, 'path')],
  ]
  return el(
    'dl',
    { class: 'about' },
    ...rows.flatMap(([name, value]) =>
      value === undefined
        ? []
        : [el('dt', {}, name), el('dd', name === 'NAR hash' ? { class: 'mono' } : {}, value)],
    ),
  )
}
