/**
 * All commands: their names and summaries, and where the rest of each is. Help needs to load none
 * of them.
 */
import type { Entry } from './entries/entry.ts'
import { GIT } from './entries/git.ts'
import { KEEPING_LISTS, USING_LISTS } from './entries/lists.ts'
import { MACHINE } from './entries/machine.ts'
import { SIGNING } from './entries/signing.ts'

export type { Entry } from './entries/entry.ts'

/** First words that several commands share, and what those are for. */
export const GROUPS: Readonly<Record<string, string>> = {
  key: 'Change what protects a secret key, name its successor, or let it certify others',
  attest: 'Sign a statement about a source, a derivation or an output',
  policy: 'Check, describe or compare policies',
  quarantine: 'Look at refused outputs, release or delete them',
  conflicts: 'Look at conflicts between builders that this machine has seen, or withdraw settled ones',
  git: 'Sign commits, and judge who signed them',
  list: 'Keep a list of keys that others subscribe to',
  trust: 'Use lists of keys that others keep',
  lock: 'Judge what a lock pins, and move an input to the newest signed commit',
  export: 'Print attestations or keys in the formats of other tools',
}

const policy = () => import('./commands/policy.ts')
const describing = () => import('./commands/policy-describe.ts')
const quarantine = () => import('./commands/quarantine.ts')
const conflicts = () => import('./commands/conflicts.ts')
const exporting = () => import('./commands/export.ts')
const serving = () => import('./commands/serve.ts')

/** In the order of the help. */
export const COMMANDS: readonly Entry[] = [
  ...MACHINE,
  ...SIGNING,
  {
    name: 'verify',
    summary: 'Judge store paths; as root, first finish what interrupted hooks left',
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  {
    name: 'explain',
    summary: 'Show the verdict on a path, all the evidence behind it, and what to do next',
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  ...GIT,
  {
    name: 'serve',
    summary:
      'Run the gate: a substituter for Nix that passes on what the policy trusts, and verdicts for the hooks (root)',
    load: async () => (await serving()).serve,
  },
  {
    name: 'serve-http',
    summary: 'The HTTP process of the gate, which "nixsig serve" starts',
    isHidden: true,
    load: async () => (await serving()).serveHttpSide,
  },
  {
    name: 'reload',
    summary: 'Have the running gate read its policy, ask its upstreams and judge everything again (root)',
    load: async () => (await import('./commands/reload.ts')).reload,
  },
  {
    name: 'publish',
    summary:
      'Put attestations where a file server offers them to others, who list it in attestations.sources',
    load: async () => (await import('./commands/publish.ts')).publish,
  },
  {
    name: 'sync',
    summary: "Fetch everything that the policy's sources publish, before it is needed (root)",
    load: async () => (await import('./commands/sync.ts')).sync,
  },
  ...KEEPING_LISTS,
  {
    name: 'suggest',
    summary: 'Name the fewest signatures with which paths would pass, and whom to ask for them',
    load: async () => (await import('./commands/suggest.ts')).suggest,
  },
  {
    name: 'revoke',
    summary: 'Revoke a key or a person: what rested on that alone is told, and refused from now on (root)',
    load: async () => (await import('./commands/revoke.ts')).revoke,
  },
  {
    name: 'policy check',
    summary: 'Report what is wrong with a policy, every problem with its line',
    load: async () => (await policy()).checkPolicy,
  },
  {
    name: 'policy describe',
    summary: 'Describe a policy in plain words, or why it would let a path pass',
    load: async () => (await describing()).describe,
  },
  {
    name: 'policy diff',
    summary: 'Show in what two policies differ, and which admitted paths would fall or rise',
    load: async () => (await import('./commands/policy-diff.ts')).diff,
  },
  {
    name: 'prune',
    summary: 'Drop from the policy what nothing needs any more: exemptions, groups, people (root)',
    load: async () => (await import('./commands/prune.ts')).prune,
  },
  ...USING_LISTS,
  {
    name: 'log',
    summary: 'Show what was let in and refused: the decision log (log verify, log checkpoint) (root)',
    load: async () => (await import('./commands/log.ts')).log,
  },
  {
    name: 'log verify',
    summary: 'Find removed, changed and moved lines of the decision log, and a cut end (root)',
    load: async () => (await import('./commands/log-verify.ts')).verify,
  },
  {
    name: 'log checkpoint',
    summary: 'Sign the state of the decision log, to be kept elsewhere (root)',
    load: async () => (await import('./commands/log-verify.ts')).checkpoint,
  },
  {
    name: 'quarantine list',
    summary: 'List the refused outputs in quarantine, oldest first',
    load: async () => (await quarantine()).list,
  },
  {
    name: 'quarantine show',
    summary: 'Show why an output was refused, and where it is kept',
    load: async () => (await quarantine()).show,
  },
  {
    name: 'quarantine release',
    summary: 'Judge an output again, and put it back into the store if it is trusted now (root)',
    load: async () => (await quarantine()).release,
  },
  {
    name: 'quarantine purge',
    summary: 'Delete entries and the outputs that they hold',
    load: async () => (await quarantine()).purge,
  },
  {
    name: 'conflicts list',
    summary: 'List what builders said that contradicted a verdict',
    load: async () => (await conflicts()).list,
  },
  {
    name: 'conflicts withdraw',
    summary: 'Forget the recorded conflicts about these paths; only evidence that is there now counts (root)',
    load: async () => (await conflicts()).withdraw,
  },
  {
    name: 'import',
    summary:
      'Add in-toto and Sigstore bundles, narinfos and directories of attestations to one; turn allowed_signers into principals',
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  {
    name: 'export in-toto',
    summary: 'The attestations of store paths as an in-toto bundle, one envelope a line',
    load: async () => (await exporting()).inToto,
  },
  {
    name: 'export sigstore',
    summary: 'The attestations of store paths as Sigstore bundles, which cosign verifies with the key',
    load: async () => (await exporting()).sigstore,
  },
  {
    name: 'export narinfo',
    summary: 'What this store knows of a path, with its Nix signatures, as a narinfo',
    load: async () => (await exporting()).narinfo,
  },
  {
    name: 'export pem',
    summary: 'A public key in PEM, as cosign and openssl read it',
    load: async () => (await exporting()).pem,
  },
  {
    name: 'export allowed-signers',
    summary: "The SSH keys of the policy's principals, as ssh-keygen and git read them",
    load: async () => (await exporting()).allowedSigners,
  },
  {
    name: 'doctor',
    summary: 'Try every door by which something could enter the store of this machine unjudged (root)',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'version',
    summary: 'Print the version of nixsig, and which versions are in force on this machine',
    load: async () => (await import('./commands/version.ts')).version,
  },
  {
    name: 'completion',
    summary: 'Print a completion script for a shell (bash, zsh or fish)',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
  {
    name: 'complete',
    summary: 'What the scripts of "nixsig completion" ask',
    isHidden: true,
    load: async () => (await import('./commands/complete.ts')).complete,
  },
]

/** Whether words are the name of a command, or begin one. */
export function isPrefix(name: string): boolean {
  return Object.hasOwn(GROUPS, name) || COMMANDS.some(each => each.name === name)
}
