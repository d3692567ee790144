/** docs/nix-advisories.md, made of the table of advisories. */
import { ADVISORIES, type Advisory } from '../../src/formats/nix/advisories.ts'
import type { Mend } from '../../src/formats/nix/nix-version.ts'

const HEAD = `# Published faults of Nix

Made from src/formats/nix/advisories.ts by \`NIXSIG_UPDATE_DOCS=1 npm test -- --unit --only docs/advisories\`. What is
known of [Nix's advisories](https://github.com/NixOS/nix/security/advisories) from 2.8 on, as far as they are about
Linux. \`nixsig doctor\` and \`nixsig setup\` tell those that are about the Nix of a machine, by its number. Distributions
mend older versions as well, which no number tells: \`nixsig doctor --mended CVE-…\` says so.

Lix counts its own versions, and little is known here of what is mended in which: to nixsig every Lix is one before the
mends that it takes precautions for.

`

const TAIL = `## What nixsig does about descriptors

A build that can hand out a descriptor of its output leaves something that stays writable when the output is valid and
was judged. Whether the Nix that builds lets it is told by the version that its daemon states; one that is unknown does.
Then, before an output that was made here is admitted, its files are copied where nobody else can reach them, hashed,
held against the hash that Nix registered, and renamed over the old ones. Directories stay, for only root can change
them. A later change of what was admitted shows in its [stamp](ledger.md): then it is hashed again before it is used.

- Between becoming valid and being admitted, an output can be changed. Then it is refused: what is judged is what lies
  on the disk. Who runs it before that, without building from it, is not protected.
- \`auto-optimise-store\` links files with the same contents to one inode, as soon as an output is there. What came
  from elsewhere can get an inode that a builder here still holds, until that builder's output was copied. On a Nix that
  is not mended leave it off. \`nix-store --optimise\`, which any user may run, does the same.
- Without a sandbox every build can hand out what it likes, on every Nix: the door \`sandbox\` of \`nixsig doctor\`.
- A store that is mounted read-only is written to in a mount namespace of its own. A gate with \`--quarantine by-hooks\`
  leaves the copying to the hook.
`

/** The whole page. */
export function advisoriesPage(): string {
  return `${HEAD}${ADVISORIES.map(printAdvisory).join('\n')}\n${TAIL}`
}

const DOES = { blunts: 'blunts it', narrows: 'leaves less of it', cannot: 'cannot help' } as const

function printAdvisory({ id, cves, what, since, mended, lix, nixsig, how }: Advisory): string {
  const title = cves.length === 0 ? id : `${cves.join(', ')} (${id})`
  return `## ${title}

${wrap(`${capital(what)}.`)}

- Nix: ${since === undefined ? 'from before 2.8' : `since ${printVersions(since)}`}; mended in ${printVersions(mended)}
- Lix: ${lix ?? 'not known'}
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
