import { writeDurably } from '../../files/durable-file.ts'
import { readOwnedFile } from '../../files/owned-file.ts'
import { printNixPublicKey } from '../../formats/nix/nix-key.ts'
import { adoptKey, gateKey, machineKey, type OwnKey } from '../../verifier/machine-key.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import type { Status } from '../status.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly 'machine-key': string | undefined
  readonly 'gate-key': string | undefined
  readonly 'nix-conf': string | undefined
}

const CONF_LIMIT = 64 * 1024

/** `nixsig machine-keys`: what a machine needs before its first Nix command, made where it is missing. */
export const machineKeys: AddCommand = yargs =>
  yargs.command(
    'machine-keys',
    "Make this machine's keys where it has none yet, as NixOS does at its first start (root)",
    command =>
      command
        .option('machine-key', {
          type: 'string',
          requiresArg: true,
          describe: 'Begin with the secret key in this file, to say what was built here',
        })
        .option('gate-key', {
          type: 'string',
          requiresArg: true,
          describe: 'Begin with the secret key in this file, to sign what the gate lets in',
        })
        .option('nix-conf', {
          type: 'string',
          requiresArg: true,
          describe: "Write the line by which Nix trusts the gate's key to this file, which nix.conf includes",
        })
        .example('$0 machine-keys --nix-conf /var/lib/nixsig/nix.conf', ''),
    runs(makeKeys),
  )

async function makeKeys(options: Options, { places, terminal }: Invocation): Promise<Status> {
  if (process.geteuid?.() !== 0)
    throw new UsageError("nixsig machine-keys is root's: the keys are the machine's")
  const given: readonly (readonly [OwnKey, string | undefined])[] = [
    ['machine', options['machine-key']],
    ['gate', options['gate-key']],
  ]
  for (const [which, file] of given) if (file !== undefined) adoptKey(places.state, which, file)
  const machine = printNixPublicKey(machineKey(places.state))
  const gate = printNixPublicKey(gateKey(places.state))
  if (options['nix-conf'] !== undefined) writeConf(options['nix-conf'], gate)
  terminal.print(`machine key  ${machine}\ngate key     ${gate}`)
  return 0
}

/** Whoever reads the file while it is written finds the one before or this one whole. */
function writeConf(file: string, key: string): void {
  const text = `# Written by "nixsig machine-keys". What this key signed, the gate of this machine let in.\ntrusted-public-keys = ${key}\n`
  if (readOwnedFile(file, CONF_LIMIT)?.toString('utf8') === text) return
  writeDurably(file, text, { flush: true, mode: 0o644 })
}
