/** `nixsig keygen` and `key passphrase`: secret keys, made and protected. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { decryptKey, encryptKey } from '../../crypto/passphrase.ts'
import { generateKey, readSecretKey, readSecretText, writeKeyPair } from '../../crypto/secret-key.ts'
import { writeDurably } from '../../files/durable-file.ts'
import { ownPlaces } from '../../files/own-places.ts'
import { assertOwnedDirectory } from '../../files/owned-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { looksEncrypted } from '../../formats/keys/encrypted-key.ts'
import { printNixPublicKey, printNixSecretKey } from '../../formats/nix/nix-key.ts'
import { printSshPublicKey, sshFingerprint } from '../../formats/ssh/key.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { askNewPassphrase, askPassphrase, passphraseInFile } from '../passphrase.ts'
import { UsageError } from '../usage-error.ts'

/** `nixsig keygen NAME`: a new key pair in two new files. */
export const keygen = command({
  arguments: { name: { count: 'one', text: 'Name of the key, such as alice-1' } },
  options: {
    out: { kind: 'value', value: 'DIR', text: 'Directory for the new files; by default this one' },
    own: {
      kind: 'flag',
      text: 'Among your own keys ($XDG_DATA_HOME/nixsig/keys), where --key NAME finds it',
    },
    passphrase: { kind: 'flag', text: 'Ask for a passphrase that protects the secret key' },
    json: JSON_OPTION,
    'passphrase-file': {
      kind: 'value',
      value: 'FILE',
      text: 'Read the passphrase from this file instead of asking for it',
    },
  },
  examples: [
    ['keygen alice-1', 'Writes alice-1.secret (keep it) and alice-1.pub (give it away)'],
    ['keygen alice-1 --own', 'For every later --key alice-1, wherever that is called'],
  ],
  run: makeKey,
})

interface KeygenOptions {
  readonly name: string
  readonly out: string | undefined
  readonly own: boolean
  readonly passphrase: boolean
  readonly json: boolean
  readonly 'passphrase-file': string | undefined
}

async function makeKey(options: KeygenOptions, { terminal }: Invocation): Promise<Status> {
  const { name } = options
  if (!/^[0-9A-Za-z_][0-9A-Za-z._-]{0,127}$/.test(name)) {
    throw new UsageError(
      `"${printable(name)}" is not a valid name for a key: use letters, digits and . _ - only`,
    )
  }
  if (options.own && options.out !== undefined) throw new UsageError('give one of --out and --own')
  const out = options.own ? ownPlaces().keys : (options.out ?? '.')
  if (options.own) makePrivateDirectory(out)
  const files = { secretKey: join(out, `${name}.secret`), publicKey: join(out, `${name}.pub`) }
  const passphrase = await newPassphrase(options)
  const key = generateKey(name)
  writeKeyPair(files, key, passphrase === undefined ? undefined : encryptKey(key, passphrase))
  if (options.json) {
    const { jsonLine } = await import('../verdict-json.ts')
    terminal.print(
      jsonLine({
        secretKey: files.secretKey,
        hasPassphrase: passphrase !== undefined,
        publicKey: printNixPublicKey(key),
        ssh: printSshPublicKey(key.publicKey, name),
        fingerprint: sshFingerprint(key.publicKey),
      }),
    )
    return 0
  }
  const care =
    passphrase === undefined ? 'whoever reads it can sign as you' : 'useless without its passphrase'
  terminal.print(
    [
      `secret key   ${printable(files.secretKey)} (mode 600: ${care})`,
      `public key   ${printNixPublicKey(key)}`,
      `as SSH       ${printSshPublicKey(key.publicKey, name)}`,
      `fingerprint  ${sshFingerprint(key.publicKey)}`,
    ].join('\n'),
  )
  return 0
}

/** Throws FileError unless it is there afterwards and nobody else can write to it. */
function makePrivateDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new FileError(`cannot make ${printable(directory)}: ${printable((error as Error).message)}`)
  }
  assertOwnedDirectory(directory)
}

async function newPassphrase(options: KeygenOptions): Promise<string | undefined> {
  const { passphrase, 'passphrase-file': file } = options
  if (file !== undefined) return passphraseInFile(file)
  return passphrase ? askNewPassphrase() : undefined
}

/** `nixsig key passphrase FILE`: gives a secret key a passphrase, changes it, or removes it. */
export const keyPassphrase = command({
  arguments: { file: { count: 'one', text: 'Secret key file' } },
  options: {
    remove: { kind: 'flag', text: 'Remove the passphrase' },
    'passphrase-file': {
      kind: 'value',
      value: 'FILE',
      text: 'Read the present passphrase from this file instead of asking for it',
    },
    'new-passphrase-file': {
      kind: 'value',
      value: 'FILE',
      text: 'Read the new passphrase from this file instead of asking for it',
    },
  },
  examples: [
    ['key passphrase alice-1.secret', 'Give the key a passphrase, or change it'],
    ['key passphrase alice-1.secret --remove', 'For a machine that signs by itself'],
  ],
  run: changePassphrase,
})

interface PassphraseOptions {
  readonly file: string
  readonly remove: boolean
  readonly 'passphrase-file': string | undefined
  readonly 'new-passphrase-file': string | undefined
}

async function changePassphrase(options: PassphraseOptions, { terminal }: Invocation): Promise<Status> {
  const { file, remove, 'passphrase-file': oldFile, 'new-passphrase-file': newFile } = options
  if (remove && newFile !== undefined) throw new UsageError('either --remove or --new-passphrase-file')
  const text = readSecretText(file)
  const old =
    oldFile === undefined ? () => askPassphrase('Passphrase of the key: ') : () => passphraseInFile(oldFile)
  const pair = looksEncrypted(text) ? decryptKey(text, await old()) : readSecretKey(text)
  if (remove) {
    writeDurably(file, `${printNixSecretKey(pair)}\n`, { flush: true, mode: 0o600 })
    terminal.print(`${printable(file)} has no passphrase now: whoever reads it can sign as you`)
    return 0
  }
  const passphrase = newFile === undefined ? await askNewPassphrase() : passphraseInFile(newFile)
  writeDurably(file, encryptKey(pair, passphrase), { flush: true, mode: 0o600 })
  terminal.print(`${printable(file)} has a new passphrase`)
  return 0
}
