/**
 * All commands: their names and summaries, and where the rest of each is. Help needs to load none
 * of them.
 */
import type { Command } from './command.ts'

export interface Entry {
  /** One or two words, after `nixsig`. */
  readonly name: string
  /** One line. `(root)`: only root can run it. */
  readonly summary: string
  /** Not for people, so not in the help. */
  readonly isHidden?: true
  readonly load: () => Promise<Command>
}

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

const modes = () => import('./commands/modes.ts')
const keys = () => import('./commands/keys.ts')
const attest = () => import('./commands/attest.ts')
const policy = () => import('./commands/policy.ts')
const describing = () => import('./commands/policy-describe.ts')
const quarantine = () => import('./commands/quarantine.ts')
const conflicts = () => import('./commands/conflicts.ts')
const exporting = () => import('./commands/export.ts')
const serving = () => import('./commands/serve.ts')

/** In the order of the help. */
export const COMMANDS: readonly Entry[] = [
  {
    name: 'setup',
    summary:
      'Enable nixsig on this machine: keys, a first policy that only warns, the settings of Nix, the gate (root)',
    load: async () => (await import('./commands/setup.ts')).setup,
  },
  {
    name: 'init',
    summary:
      'Make a policy from five answers, or refine the one that is there; shows what would pass under it',
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    name: 'install',
    summary: 'Install the programs that this one lies among, in a directory of their version (root)',
    load: async () => (await import('./commands/install.ts')).install,
  },
  {
    name: 'upgrade',
    summary: 'Switch to the version in an archive or a directory, or back to the one before (root)',
    load: async () => (await import('./commands/install.ts')).upgrade,
  },
  {
    name: 'unsetup',
    summary: 'Undo what setup changed; policy, keys and ledger stay (root)',
    load: async () => (await import('./commands/setup.ts')).unsetup,
  },
  {
    name: 'status',
    summary: 'Show how this machine stands: mode, doors, caches, and what would be refused now and why',
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'adopt',
    summary:
      'Before enforcing on a machine that existed before: take what is vouched for, build the rest again, name what is left (root)',
    load: async () => (await import('./commands/adopt.ts')).adopt,
  },
  {
    name: 'enforce',
    summary: 'Refuse untrusted paths from now on: mode = "enforce" in the policy (root)',
    load: async () => (await modes()).enforce,
  },
  {
    name: 'warn',
    summary: 'Report untrusted paths but allow them: mode = "warn" in the policy (root)',
    load: async () => (await modes()).warn,
  },
  {
    name: 'keygen',
    summary: 'Make a new key pair for signing attestations',
    load: async () => (await keys()).keygen,
  },
  {
    name: 'key passphrase',
    summary: 'Add, change or remove the passphrase of a secret key',
    load: async () => (await keys()).keyPassphrase,
  },
  {
    name: 'key certify',
    summary: 'Let another key sign for a while, within what policies allow',
    load: async () => (await import('./commands/key-certify.ts')).keyCertify,
  },
  {
    name: 'key rotate',
    summary: 'Name the key that takes over from this one',
    load: async () => (await import('./commands/key-certify.ts')).keyRotate,
  },
  {
    name: 'machine-keys',
    summary: "Make this machine's keys if they are missing, as NixOS does at its first start (root)",
    load: async () => (await import('./commands/machine-keys.ts')).machineKeys,
  },
  {
    name: 'attest source',
    summary: "Attest sources: as a packager, after checking the developer's own signature",
    load: async () => (await import('./commands/attest-source.ts')).attestSourceCommand,
  },
  {
    name: 'attest derivation',
    summary: 'Attest derivations, alone or with everything that they are built from',
    load: async () => (await attest()).attestDerivationCommand,
  },
  {
    name: 'attest output',
    summary: 'Attest as a builder what this machine built from a derivation',
    load: async () => (await attest()).attestOutputCommand,
  },
  {
    name: 'reproduce',
    summary: 'Build outputs again, and attest as a builder those that come out the same',
    load: async () => (await import('./commands/reproduce.ts')).reproduce,
  },
  {
    name: 'handoff',
    summary:
      "As a packager: find and check the developers' signatures of all sources, then sign them and the derivation",
    load: async () => (await import('./commands/handoff.ts')).handoff,
  },
  {
    name: 'approve',
    summary:
      'Verify who signed expressions, evaluate them shut off from everything else, and sign the build graph',
    load: async () => (await import('./commands/approve.ts')).approve,
  },
  {
    name: 'check-signature',
    summary:
      "Check a developer's signature with the keys that you name: OpenPGP, minisign, signify, SSH, Sigstore, Nix",
    load: async () => (await import('./commands/check-signature.ts')).checkSignature,
  },
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
  {
    name: 'git verify',
    summary: 'Judge a commit: whether enough of the right people signed it, in whatever way',
    load: async () => (await import('./commands/git-verify.ts')).gitVerify,
  },
  {
    name: 'git status',
    summary: 'Show what is missing on a commit, and the nearest one that enough people signed',
    load: async () => (await import('./commands/git-status.ts')).gitStatus,
  },
  {
    name: 'git diff',
    summary: 'Show what changed since the nearest commit that enough people signed',
    load: async () => (await import('./commands/git-status.ts')).gitDiff,
  },
  {
    name: 'git sign',
    summary: 'Sign a commit in a note beside it, with any key; the history does not change',
    load: async () => (await import('./commands/git-sign.ts')).gitSign,
  },
  {
    name: 'lock verify',
    summary:
      'Judge what flake.lock, npins or niv pin: who signed each commit, and whether its files are those',
    load: async () => (await import('./commands/lock-verify.ts')).lockVerify,
  },
  {
    name: 'lock update',
    summary: 'Move an input of flake.lock to the newest commit that enough people signed',
    load: async () => (await import('./commands/lock-update.ts')).lockUpdate,
  },
  {
    name: 'git fetch',
    summary: "Take in the notes with others' signatures from another repository",
    load: async () => (await import('./commands/git-notes.ts')).gitFetch,
  },
  {
    name: 'git push',
    summary: 'Merge the notes with signatures into those of another repository',
    load: async () => (await import('./commands/git-notes.ts')).gitPush,
  },
  {
    name: 'git authenticate',
    summary: 'Authenticate a history from an introduction on, by the rules of Guix or of sequoia-git',
    load: async () => (await import('./commands/git-authenticate.ts')).gitAuthenticate,
  },
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
  {
    name: 'list build',
    summary: "Collect developers' keys from what Debian, Gentoo and Arch Linux keep, as a list to sign",
    load: async () => (await import('./commands/list-build.ts')).listBuild,
  },
  {
    name: 'list init',
    summary: 'Begin a list of keys, with its keepers and how many of them have to agree',
    load: async () => (await import('./commands/list-init.ts')).listInit,
  },
  {
    name: 'list add',
    summary: 'Add a principal, a group, the developers of sources, or a team to a list that you keep',
    load: async () => (await import('./commands/list-add.ts')).listAdd,
  },
  {
    name: 'list remove',
    summary: 'Take something out of a list that you keep',
    load: async () => (await import('./commands/list-remove.ts')).listRemove,
  },
  {
    name: 'list revoke',
    summary: 'Say in a list that you keep that a key or a principal counts no more',
    load: async () => (await import('./commands/list-revoke.ts')).listRevoke,
  },
  {
    name: 'list rotate',
    summary: 'Change who signs for a role of a list, and how many of them have to',
    load: async () => (await import('./commands/list-rotate.ts')).listRotate,
  },
  {
    name: 'list sign',
    summary: 'As a keeper: see what changed in a list, and sign it',
    load: async () => (await import('./commands/list-sign.ts')).listSign,
  },
  {
    name: 'list publish',
    summary: 'Publish what enough keepers have signed, as files for any server',
    load: async () => (await import('./commands/list-publish.ts')).listPublish,
  },
  {
    name: 'list status',
    summary: 'Show what changed in a list, who still has to sign, and what ends when',
    load: async () => (await import('./commands/list-status.ts')).listStatus,
  },
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
  {
    name: 'trust subscribe',
    summary: 'Begin to use a list of keys that others keep, after comparing its fingerprint (root)',
    load: async () => (await import('./commands/trust-subscribe.ts')).trustSubscribe,
  },
  {
    name: 'trust list',
    summary: 'Show which version of each list is in force, until when, and what waits',
    load: async () => (await import('./commands/trust-show.ts')).trustList,
  },
  {
    name: 'trust show',
    summary: 'Show who keeps a list and what it says, or what it says of somebody or of a source',
    load: async () => (await import('./commands/trust-show.ts')).trustShow,
  },
  {
    name: 'trust diff',
    summary: 'Show what waits in a list, and which admitted paths would fall with it',
    load: async () => (await import('./commands/trust-show.ts')).trustDiff,
  },
  {
    name: 'trust update',
    summary:
      'Take in what is new in lists: what changes is shown first, revocations are taken at once (root)',
    load: async () => (await import('./commands/trust-update.ts')).trustUpdate,
  },
  {
    name: 'trust pin',
    summary: 'Keep a list at its version, or follow it again (root)',
    load: async () => (await import('./commands/trust-pin.ts')).trustPin,
  },
  {
    name: 'trust unsubscribe',
    summary: 'Use a list no more (root)',
    load: async () => (await import('./commands/trust-unsubscribe.ts')).trustUnsubscribe,
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
