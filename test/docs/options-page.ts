/** docs/options.md, made of what nix/options-doc.nix tells. */

export interface DocumentedOption {
  readonly name: string
  readonly type: string
  /** As one would write it; null if it has to be given. */
  readonly default: string | null
  readonly example: string
  readonly description: string
}

const HEAD = `# Options of the NixOS module

Made from nix/module.nix by \`NIXSIG_UPDATE_DOCS=1 npm test -- --only nixos-options\`; a test compares it with the
module. [how-to/nixos.md](how-to/nixos.md) shows how to use the options; [policy.md](policy.md) says what the fields of
the policy mean. \`<name>\` is a name that you choose, \`*\` each element of a list.

`

/** The whole page. */
export function optionsPage(options: readonly DocumentedOption[]): string {
  return HEAD + options.map(printOption).join('\n')
}

function printOption({ name, type, default: value, example, description }: DocumentedOption): string {
  const meaning = description.trim().replaceAll(/\s+/g, ' ')
  return `## ${name}

${wrap(meaning)}

- type: ${type}
- default:${value === null ? ' none, must be set' : code(value)}
- example:${code(example)}
`
}

/** In the line if it has but one. */
function code(text: string): string {
  if (!text.includes('\n')) return ` \`${text}\``
  const indented = text.split('\n').map(line => `  ${line}`)
  return `\n\n  \`\`\`nix\n${indented.join('\n')}\n  \`\`\``
}

/** At most 118 columns. */
function wrap(text: string): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > 118) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.join('\n')
}
