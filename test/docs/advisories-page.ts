/** docs/nix-advisories.md, made of the table of advisories. */
import { ADVISORIES, type Advisory } from '../../src/formats/nix/advisories.ts'
import type { Mend } from '../../src/formats/nix/nix-version.ts'

const HEAD = `# Published faults of Nix

Made from src/formats/nix/advisories.ts by \`NIXSIG_UPDATE_DOCS=1 npm test -- --unit --only docs/advisories\`. It lists
what is known of [Nix's advisories](https://github.com/NixOS/nix/security/advisories) from 2.8 on, as far as they
concern Linux. \`nixsig doctor\` and \`nixsig setup\` report those that concern a machine's Nix, by its version number.
Distributions also fix older versions, which the number does not show: then run \`nixsig doctor --mended CVE-…\`.

Lix has version numbers of its own, and little is known here about which of them has which fix. nixsig takes every
precaution with every Lix.

`

const TAIL = `## What nixsig does about descriptors

If a build can hand out a descriptor of its output, whoever has it can still write to the output after it was judged and
is valid. The version that the daemon states says whether this Nix permits that; an unknown version counts as permitting
it. Then, before an output that was made here is admitted, its files are copied to a place that nobody else can reach,
hashed, compared with the hash that Nix registered, and renamed over the old ones. Directories stay, because only root
can change them. A later change of an admitted path shows in its [stamp](ledger.md): then it is hashed again before it
is used.

- Between becoming valid and being admitted, an output can be changed. Then it is refused, because what lies on the disk
  is judged. Whoever runs it before that, without building from it, is not protected.
- \`auto-optimise-store\` links files with the same contents to one inode, as soon as an output is there. A path from
  elsewhere can then share an inode that a builder here still holds, until that builder's output was copied. Leave it
  off on a Nix without the fix. \`nix-store --optimise\`, which any user may run, has the same effect.
- Without a sandbox every build can hand out descriptors, on every Nix: see the door \`sandbox\` of \`nixsig doctor\`.
- A store that is mounted read-only is written to in a mount namespace of its own. A gate with \`--quarantine by-hooks\`
  leaves the copying to the hook.
`

/** The whole page. */
export function advisoriesPage(): string {
  return `${HEAD}${ADVISORIES.map(printAdvisory).join('\n')}\n${TAIL}`
}

const DOES = { blunts: 'prevents its effect', narrows: 'reduces it', cannot: 'cannot help' } as const

function printAdvisory({ id, cves, what, since, mended, lix, nixsig, how }: Advisory): string {
  const title = cves.length === 0 ? id : `${cves.join(', ')} (${id})`
  return `## ${title}

${wrap(`${capital(what)}.`)}

- Nix: ${since === undefined ? 'from before 2.8' : `since ${printVersions(since)}`}; fixed in ${printVersions(mended)}
- Lix: ${lix ?? 'unknown'}
- nixsig ${wrap(`${DOES[nixsig]}: ${how}.`, '- nixsig '.length, '  ')}
`
}

/** `2.18.2, 2.19.4 and from 2.21`. */
function printVersions({ from, branches }: Mend): string {
  const patches = Object.entries(branches).map(([minor, patch]) => `2.${minor}.${patch}`)
  return patches.length === 0 ? `2.${from}` : `${patches.join(', ')} and from 2.${from}`
}

function capital(text: string): string {
  return text.startsWith('builtin:') ? text : text.slice(0, 1).toUpperCase() + text.slice(1)
}

const WIDTH = 120

function wrap(text: string, used = 0, indent = ''): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const room = WIDTH - (lines.length === 0 ? used : indent.length)
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line].join(`\n${indent}`)
}
