/**
 * What the audits of a fleet say as one page of HTML that needs nothing else: no script, no network,
 * no other file. What stands in audits comes from other machines: all of it is escaped here.
 */
import { cspHash, htmlText } from '../formats/html-text.ts'
import { when } from '../policy/words.ts'
import type { FindingKind, Fleet } from './fleet.ts'
import { endLines, headlineOf, type Item, keyLines, machineRows, type Section, sectionsOf } from './words.ts'

/** Items of one kind, keys and ends that the page shows. */
const ITEMS = 500
const KEYS = 30

const STYLE = `
:root{color-scheme:light dark;--line:#c9ccd1;--soft:#f3f4f6;--ink:#16181d;--dim:#565b66;--bad:#a8071a;--warn:#7a4a00;--page:#fff}
@media(prefers-color-scheme:dark){:root{--line:#3a3f4a;--soft:#1d2027;--ink:#e8eaed;--dim:#a5abb8;--bad:#ff8a8a;--warn:#f0b860;--page:#121419}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.5rem 1rem 4rem;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0 0 .25rem}
h2{font-size:1.1rem;margin:0}
p{margin:.25rem 0}
.dim,footer{color:var(--dim)}
section{margin:1.5rem 0;border-left:.3rem solid var(--line);padding:0 0 0 .9rem}
section.loud{border-color:var(--bad)}section.loud h2{color:var(--bad)}
section.some{border-color:var(--warn)}section.some h2{color:var(--warn)}
ul{margin:.5rem 0;padding-left:1.2rem}
li{margin:.25rem 0;overflow-wrap:anywhere}
li li{color:var(--dim);font-size:.9rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
th{background:var(--soft);white-space:nowrap}
@media print{body{max-width:none;padding:0}section{break-inside:avoid}}
`.trim()

/** Kinds that somebody has to look at today, and kinds that can wait a little. */
const LOUD: readonly FindingKind[] = ['bytes', 'altered', 'identity', 'revoked-key']
const SOME: readonly FindingKind[] = ['policy', 'verdict', 'lenient', 'missing', 'unreadable']

/** The page, in UTF-8. */
export function fleetHtml(fleet: Fleet): string {
  const sections = sectionsOf(fleet)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${cspHash(STYLE)}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${htmlText(`Fleet: ${headlineOf(fleet)}`)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${htmlText(headlineOf(fleet))}</h1>
<p class="dim">${htmlText(`Put together ${when(fleet.time)} from audits that machines wrote and nobody signed.`)}</p>
</header>
<main>
${sections.length === 0 ? '<p>The machines do not differ.</p>' : sections.map(sectionHtml).join('\n')}
<section>
<h2>Machines</h2>
${tableHtml(machineRows(fleet))}
</section>
${linesHtml('Keys that most rests on', keyLines(fleet, KEYS), fleet.keys.length)}
${linesHtml('What ends soon', endLines(fleet, KEYS), fleet.ends.length)}
</main>
<footer>Made by nixsig fleet report.</footer>
</body>
</html>`
}

function sectionHtml({ kind, title, next, items }: Section): string {
  const level = LOUD.includes(kind) ? 'loud' : SOME.includes(kind) ? 'some' : 'other'
  return `<section class="${level}">
<h2>${htmlText(`${title} (${items.length})`)}</h2>
<p class="dim">${htmlText(`Next: ${next}.`)}</p>
<ul>
${items.slice(0, ITEMS).map(itemHtml).join('\n')}
${moreHtml(items.length, ITEMS)}</ul>
</section>`
}

function itemHtml({ text, details }: Item): string {
  const inner =
    details.length === 0 ? '' : `<ul>${details.map(detail => `<li>${htmlText(detail)}</li>`).join('')}</ul>`
  return `<li>${htmlText(text)}${inner}</li>`
}

function moreHtml(count: number, shown: number): string {
  return count > shown ? `<li>${htmlText(`and ${count - shown} more`)}</li>\n` : ''
}

function tableHtml([head = [], ...rows]: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[]) =>
    row.map((cell, column) =>
      column === 0 ? `<th scope="row">${htmlText(cell)}</th>` : `<td>${htmlText(cell)}</td>`,
    )
  return `<div class="wide" role="region" aria-label="Machines" tabindex="0"><table>
<thead><tr>${head.map(cell => `<th scope="col">${htmlText(cell)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map(row => `<tr>${cells(row).join('')}</tr>`).join('\n')}
</tbody>
</table></div>`
}

function linesHtml(title: string, lines: readonly string[], count: number): string {
  if (lines.length === 0) return ''
  return `<section>
<h2>${htmlText(title)}</h2>
<ul>
${lines.map(line => `<li>${htmlText(line)}</li>`).join('\n')}
${moreHtml(count, lines.length)}</ul>
</section>`
}
