/**
 * An audit as one page of HTML that needs nothing else: no network, no other file. Pure.
 *
 * The page's own script and style are named by their hashes in its Content-Security-Policy, which
 * lets in nothing else. What the audit says stands in the page as gzip in base64, and the script
 * writes it as text and never as markup. What this file writes as markup is escaped here.
 */
import { gzipSync } from 'node:zlib'
import type { Audit } from '../audit/audit.ts'
import { cspHash, htmlText } from '../formats/html-text.ts'
import { printable } from '../primitives/printable.ts'
import { dayOf, grouped, type Headline, headlineOf } from './headline.ts'
import { pageData } from './page-data.ts'
import type { PageData } from './page-shape.ts'

/** What tools/build.mjs makes of src/page: minified, ASCII. */
export interface PageAssets {
  readonly script: string
  readonly style: string
}

/**
 * The page, in UTF-8, without a last line feed. Throws Error when the assets could not stand in a
 * page, which is a fault of how they were built.
 */
export function htmlReport(audit: Audit, assets: PageAssets): string {
  const [script, style] = [assets.script.trim(), assets.style.trim()]
  if (/<\/script|<!--/i.test(script)) throw new Error("the page's script would end its element")
  if (/<\/style|<!--/i.test(style)) throw new Error("the page's style would end its element")
  const data = pageData(audit)
  const packed = gzipSync(JSON.stringify(data)).toString('base64')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyFor(script, style)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${htmlText(`${titleOf(audit)}: ${headlineOf(audit).verdict}`)}</title>
<style>${style}</style>
</head>
<body>
${headOf(audit)}
<noscript>${withoutScript(data)}</noscript>
<div id="app"></div>
<footer class="foot">${htmlText(data.made)}</footer>
<script type="application/octet-stream" id="audit">${packed}</script>
<script>${script}</script>
</body>
</html>`
}

/** Nothing may be loaded or sent; the one script and the one style may run. */
function policyFor(script: string, style: string): string {
  return [
    "default-src 'none'",
    `script-src ${cspHash(script)}`,
    `style-src ${cspHash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}

function titleOf({ machine }: Audit): string {
  return `Audit of ${printable(machine.name, 80)}`
}

/** What stands at the top, with scripting or without. */
function headOf(audit: Audit): string {
  const { verdict, detail, facts }: Headline = headlineOf(audit)
  const list = facts.map(
    fact =>
      `<li><span class="fact-name">${htmlText(fact.name)}</span> <strong>${htmlText(fact.says)}</strong> <span>${htmlText(fact.detail)}</span></li>`,
  )
  return `<header class="top">
<p class="eyebrow">${htmlText(titleOf(audit))} <span>${htmlText(dayOf(audit.time))}</span></p>
<h1>${htmlText(verdict)}</h1>
<p class="lede">${htmlText(detail)}</p>
<ul class="facts">
${list.join('\n')}
</ul>
</header>`
}

/** How many rows each table has where no script can turn pages. */
const ROWS = 500

/** A summary for whoever reads without scripts. */
function withoutScript({ groups, principals, ends, paths }: PageData): string {
  const refused = groups.flatMap(group =>
    group.paths.map(path => [paths[path]?.path ?? '', paths[path]?.message ?? group.title]),
  )
  return `<main class="plain"><p>The map, and what is behind each path, need scripts. This is the summary.</p>
${table(
  'What is refused',
  ['Paths', 'What is missing', 'What to do next'],
  groups.map(({ title, next, paths }) => [grouped(paths.length), title, next]),
)}
${table(
  'On whom it rests',
  ['Principal', 'Roles', 'Paths that would fall without them'],
  [...principals]
    .sort((a, b) => b.falls.length - a.falls.length)
    .map(({ name, roles, falls }) => [name, roles.join(', '), grouped(falls.length)]),
)}
${table(
  'What ends soon',
  ['On', 'What', 'Paths that would fall'],
  ends.map(({ at, name, falls }) => [dayOf(at), name, grouped(falls.length)]),
)}
${table('Refused paths', ['Path', 'Why'], refused)}
</main>`
}

function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const cells = (row: readonly string[]) =>
    `<tr>${row.map(cell => `<td>${htmlText(cell)}</td>`).join('')}</tr>`
  const left = rows.length - ROWS
  return `<h2>${htmlText(caption)}</h2>
<div class="scroll" tabindex="0" role="region" aria-label="${htmlText(caption)}"><table>
<thead><tr>${head.map(name => `<th scope="col">${htmlText(name)}</th>`).join('')}</tr></thead>
<tbody>${rows.slice(0, ROWS).map(cells).join('\n')}</tbody>
</table></div>${left > 0 ? `<p>${grouped(left)} more are not listed here.</p>` : ''}`
}
