/** Commands about keys, and what is signed with them. */
import type { Entry } from './entry.ts'

const keys = () => import('../commands/keys.ts')
const attest = () => import('../commands/attest.ts')
const log = () => import('../commands/attest-log.ts')

/** Keys, attestations, approvals and signatures of developers. In the order of the help. */
export const SIGNING: readonly Entry[] = [
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
    load: async () => (await import('../commands/key-certify.ts')).keyCertify,
  },
  {
    name: 'key rotate',
    summary: 'Name the key that takes over from this one',
    load: async () => (await import('../commands/key-certify.ts')).keyRotate,
  },
  {
    name: 'machine-keys',
    summary: "Make this machine's keys if they are missing, as NixOS does at its first start (root)",
    load: async () => (await import('../commands/machine-keys.ts')).machineKeys,
  },
  {
    name: 'attest source',
    summary: "Attest sources: as a packager, after checking the developer's own signature",
    load: async () => (await import('../commands/attest-source.ts')).attestSourceCommand,
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
    name: 'attest log-entries',
    summary: 'Write what a transparency log has to have for attestations to be logged',
    load: async () => (await log()).logEntries,
  },
  {
    name: 'attest log-proof',
    summary: 'Keep with an attestation the proof that it was logged',
    load: async () => (await log()).logProof,
  },
  {
    name: 'reproduce',
    summary: 'Build outputs again, and attest as a builder those that come out the same',
    load: async () => (await import('../commands/reproduce.ts')).reproduce,
  },
  {
    name: 'handoff',
    summary:
      "As a packager: find and check the developers' signatures of all sources, then sign them and the derivation",
    load: async () => (await import('../commands/handoff.ts')).handoff,
  },
  {
    name: 'approve',
    summary:
      'Verify who signed expressions, evaluate them shut off from everything else, and sign the build graph',
    load: async () => (await import('../commands/approve.ts')).approve,
  },
  {
    name: 'check-signature',
    summary:
      "Check a developer's signature with the keys that you name: OpenPGP, minisign, signify, SSH, Sigstore, Nix",
    load: async () => (await import('../commands/check-signature.ts')).checkSignature,
  },
]
