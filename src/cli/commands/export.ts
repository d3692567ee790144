/** `nixsig export in-toto|sigstore|narinfo|pem|allowed-signers`: what other tools read. */
import { attestationFile } from '../../evidence/attestation-file.ts'
import { readAttestationLines } from '../../evidence/attestation-files.ts'
import { parseEnvelope, printEnvelope } from '../../formats/in-toto/dsse.ts'
import { printPemPublicKey } from '../../formats/keys/pem.ts'
import { sigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { printAllowedSigner } from '../../formats/ssh/allowed-signers.ts'
import { narinfoOf } from '../../packaging/exchange/narinfo.ts'
import { allowedSignersOf } from '../../policy/allowed-signers.ts'
import { printable } from '../../primitives/printable.ts'
import { openStore } from '../../store/store-client.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { keysOfArgument } from '../key-argument.ts'
import { readPolicy } from '../policy-argument.ts'
import { storePathOf } from '../store-argument.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly paths: readonly string[]
  readonly from: readonly string[]
}

const ATTESTED = {
  arguments: { paths: { count: 'one or more', text: 'Store paths' } },
  options: {
    from: {
      kind: 'values',
      value: 'DIR',
      fallback: ['attestations'],
      text: 'Directory of attestations',
    },
  },
} as const

/** Attestations as an in-toto bundle. */
export const inToto = command({
  ...ATTESTED,
  examples: [
    [
      'export in-toto ./result --from published >hello.intoto.jsonl',
      "For in-toto's tools, or to send somebody one file",
    ],
  ],
  run: async (options, invocation) => printAll(options, invocation, line => line),
})

/** Attestations as Sigstore bundles. */
export const sigstore = command({
  ...ATTESTED,
  examples: [
    ['export sigstore ./result --from published >hello.sigstore.json', 'For cosign verify-blob-attestation'],
  ],
  run: async (options, invocation) => printAll(options, invocation, asBundle),
})

/** The Nix signatures that this store has of a path, for `nixsig import` elsewhere. */
export const narinfo = command({
  arguments: { path: { count: 'one', text: 'A valid store path' } },
  examples: [
    [
      'export narinfo ./result >hello.narinfo',
      "To take a path's Nix signatures elsewhere: nixsig import hello.narinfo",
    ],
  ],
  run: printNarinfoOf,
})

/** A public key as cosign and openssl read it. */
export const pem = command({
  arguments: { key: { count: 'one', text: 'A key as a policy writes it, or a file that holds one' } },
  examples: [['export pem bob-1.pub >bob-1.pem', 'A key that keygen made, for openssl']],
  run: printKey,
})

/** The SSH keys of the trusted list that are in force, as ssh-keygen and git read them. */
export const allowedSigners = command({
  examples: [['export allowed-signers >allowed_signers', 'For git: gpg.ssh.allowedSignersFile']],
  reads: ['policy'],
  ownPolicy: 'first',
  run: printSigners,
})

/** Prints all attestations of some store paths, each as `print` turns its line. */
function printAll(options: Options, { terminal }: Invocation, print: (line: string) => string): Status {
  for (const path of options.paths.map(storePathOf)) {
    const files = options.from.map(directory => attestationFile(directory, path))
    const lines = new Set(files.flatMap(file => readAttestationLines(file) ?? []))
    if (lines.size === 0)
      throw new UsageError(`nothing is attested of ${path} in ${printable(files.join(', '))}`)
    for (const line of lines) terminal.print(print(line))
  }
  return 0
}

/** cosign looks at the hint for people only, and knows no proofs of other logs. */
function asBundle(line: string): string {
  const { logged, ...envelope } = parseEnvelope(line)
  const bare = logged === undefined ? line : printEnvelope(envelope)
  return sigstoreBundle(bare, envelope.signatures[0]?.keyid ?? '')
}

async function printNarinfoOf(
  { path }: { readonly path: string },
  { terminal }: Invocation,
): Promise<Status> {
  const store = await openStore()
  try {
    terminal.print((await narinfoOf(store, storePathOf(path))).trimEnd())
    return 0
  } finally {
    store.close()
  }
}

async function printKey({ key }: { readonly key: string }, { terminal }: Invocation): Promise<Status> {
  const [found, another] = keysOfArgument(key)
  if (found === undefined || found.kind === 'openpgp' || found.kind === 'sigstore' || another !== undefined) {
    throw new UsageError(`${printable(key)} is not a single key that PEM can hold`)
  }
  terminal.print(printPemPublicKey(found).trimEnd())
  return 0
}

async function printSigners(_options: object, { places, terminal }: Invocation<'policy'>): Promise<Status> {
  const now = Math.floor(Date.now() / 1000)
  for (const signer of allowedSignersOf(readPolicy(places.policy, false), now))
    terminal.print(printAllowedSigner(signer))
  return 0
}
