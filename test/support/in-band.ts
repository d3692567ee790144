/**
 * Packages that name their developers' signatures themselves, and users who have only a trusted
 * list.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nixString } from './expressions.ts'
import { openGnupg } from './gnupg.ts'
import { byDefault, POLICY, sha256 } from './trust.ts'
import type { World } from './world.ts'

/** The developer's release, a copy with one bit flipped, and its file name. */
export const RELEASE = 'the developer wrote this\n'
export const TAMPERED = 'the developer wrote thiS\n'
export const NAME = 'tool.tar'

/** A developer with an OpenPGP and a minisign key. */
export interface Developer {
  /** The key for a policy, as TOML; the OpenPGP key needs the certificate beside the policy. */
  readonly openpgp: string
  readonly minisign: string
  readonly certificate: Uint8Array
  /** An armoured OpenPGP signature of a text; `at` is the clock. */
  sign(text: string, at?: string): Buffer
  /** The text and its signature in one file. */
  clearSign(text: string): Buffer
  minisignOf(text: string): Buffer
}

/** Makes developers; call `remove` at the end. */
export function openDevelopers() {
  const gnupg = openGnupg()
  const dir = mkdtempSync('/tmp/nixsig-in-band-')
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }

  function developer(
    name: string,
    options: { readonly at?: string; readonly expire?: string } = {},
  ): Developer {
    const fingerprint = gnupg.makeKey(name, options)
    const [publicKey, secretKey] = [join(dir, `${name}.pub`), join(dir, `${name}.key`)]
    execFileSync('minisign', ['-G', '-W', '-f', '-p', publicKey, '-s', secretKey], { stdio: 'ignore' })
    const [, minisignKey = ''] = readFileSync(publicKey, 'utf8').split('\n')
    return {
      openpgp: `{ openpgp = "${fingerprint}", certificate = "keys/dev.pgp" }`,
      minisign: `"minisign:${minisignKey}"`,
      certificate: readFileSync(gnupg.exportTo(join(dir, `${name}.pgp`), fingerprint)),
      sign: (text, at) => gnupg.sign(file('signed', text), fingerprint, ['--armor'], at),
      clearSign: text => gnupg.gpg(['--local-user', fingerprint, '--clear-sign'], { input: text }),
      minisignOf: text => {
        const [signed, signature] = [file('signed', text), join(dir, 'made.minisig')]
        const args = ['-S', '-W', '-s', secretKey, '-m', signed, '-x', signature]
        execFileSync('minisign', args, { stdio: 'ignore' })
        return readFileSync(signature)
      },
    }
  }

  return {
    developer,
    remove: () => {
      gnupg.remove()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/**
 * Sets up a user who trusts what this developer signed, and machines that build it themselves;
 * there are no attestations. Only the named key of the developer is listed.
 */
export function trust(
  world: World,
  developer: Developer,
  key: 'openpgp' | 'minisign' = 'openpgp',
  rest = '',
): void {
  const requirement = byDefault('X', 'nothing', 'self').replace('"X"', '{ developer = "dev" }')
  world.write('/etc/nixsig/keys/dev.pgp', developer.certificate)
  world.write(
    POLICY,
    `version = 1\nmode = "enforce"\n[principals.dev]\nkeys = [${developer[key]}]\n${rest}${requirement}`,
  )
}

/** An expression in which the functions of nix/lib.nix are in scope. */
export function withLib(world: World, expression: string): string {
  world.write('/srv/nixsig/lib.nix', readFileSync(join(PROJECT_ROOT, 'nix/lib.nix')))
  return `let inherit (import /srv/nixsig/lib.nix) fetchSigned withSignature; in ${expression}`
}

/** Puts a file where the world's builds can fetch it; returns its URL and hash. */
export function serve(world: World, name: string, contents: string | Uint8Array): string {
  world.write(`/srv/${name}`, contents)
  return fetchable(`file:///srv/${name}`, contents)
}

/** Attributes `url` and `hash` for contents at a URL. */
export function fetchable(url: string, contents: string | Uint8Array): string {
  const hash = Buffer.from(sha256(contents), 'hex').toString('base64')
  return `url = ${nixString(url)}; hash = "sha256-${hash}";`
}

/** A call of fetchSigned for a release with this signature, both given as attributes. */
export function fetchSigned(release: string, signature: string): string {
  return `(fetchSigned { ${release} signature = { ${signature} }; })`
}

/** A package built from one source: its output is the text of the source. */
export function packageOf(name: string, source: string, more = ''): string {
  return `(derivation {
  name = ${nixString(name)};
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" "read -r line < $src; echo \\"$line\\" > $out" ];
  src = ${source};
  ${more}
})`
}
