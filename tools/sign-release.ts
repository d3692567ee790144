/**
 * Signs the list of a release, for tools/package.mjs, in a form that `nixsig check-signature` and
 * `nixsig upgrade` check:
 *
 *     sign-release SIGNER LIST SIGNATURE [--passphrase-file FILE]   Ed25519 as an SSH signature, which
 *         `ssh-keygen -Y verify -n file` checks as well; keys of GnuPG as a detached signature
 *     sign-release SIGNER --public FILE [--passphrase-file FILE]    the key, as release.keys names it
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { openSigner } from '../src/crypto/signers/open-signer.ts'
import type { Signer } from '../src/crypto/signers/signer.ts'
import { printSshPublicKey, sshKeyBlob } from '../src/formats/ssh/key.ts'
import { printSshSignature, sshSignedData } from '../src/formats/ssh/sshsig.ts'
import { wireString } from '../src/formats/ssh/wire.ts'

const NAMESPACE = 'file'
const HASH = 'sha512'

async function sign(signer: Signer, list: Uint8Array): Promise<string | Uint8Array> {
  const { key } = signer
  if (key.kind === 'openpgp') return signer.sign(list)
  if (key.kind !== 'ed25519') throw new Error('a release is signed with an Ed25519 key or by gpg')
  const data = sshSignedData(NAMESPACE, HASH, createHash(HASH).update(list).digest())
  const signature = Buffer.concat(['ssh-ed25519', await signer.sign(data)].map(wireString))
  return printSshSignature({
    keyBlob: sshKeyBlob(key.publicKey),
    namespace: NAMESPACE,
    hash: HASH,
    signature,
  })
}

function publicLine({ key }: Signer): string {
  if (key.kind === 'ed25519') return `${printSshPublicKey(key.publicKey, 'nixsig-release')}\n`
  throw new Error('name the public key of the release: --release-key FILE')
}

async function main([name = '', from = '', to = '', option, file]: readonly string[]): Promise<void> {
  const passphrase = async () => {
    if (option !== '--passphrase-file' || file === undefined)
      throw new Error('the key has a passphrase: --passphrase-file FILE')
    return readFileSync(file, 'utf8').trimEnd()
  }
  const signer = await openSigner(name, { passphrase })
  try {
    if (from === '--public') writeFileSync(to, publicLine(signer))
    else writeFileSync(to, await sign(signer, readFileSync(from)))
  } finally {
    signer.close()
  }
}

main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
})
