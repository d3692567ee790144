/** The tables of docs/how-to/nixos.md about what contradicts nixsig, made of what the module says. */

/** A setting, and the whole message about it. */
export interface Row {
  readonly set: string
  readonly message: string
}

const BEGIN = '<!-- Made by: NIXSIG_UPDATE_DOCS=1 npm test -- --only nixos-options -->\n'
const END = '<!-- Up to here -->\n'

/** The page with these tables in place of those that it has. Throws if it has no place for them. */
export function withTables(
  page: string,
  tables: readonly (readonly [place: string, rows: readonly Row[]])[],
): string {
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin < 0 || end < begin) throw new Error('the page has no place for its tables')
  const made = tables.map(([place, rows]) => `${place}:\n\n${tableOf(rows)}`).join('\n')
  return `${page.slice(0, begin + BEGIN.length)}\n${made}\n${page.slice(end)}`
}

function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ set, message }) => `| ${code(set)} | ${code(message)} |\n`)
  return `| set | message |\n|---|---|\n${lines.join('')}`
}

/** A store path is shown without its hash, which every change of the package changes. */
function code(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')
  return `\`${line.replaceAll(/\/nix\/store\/[0-9a-z]{32}-/g, '/nix/store/…-')}\``
}
