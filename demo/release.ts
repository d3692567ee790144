/**
 * What is built: a real release of libmd, signed by its developer, and a derivation that compiles
 * it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { certificateFingerprints } from '../src/crypto/openpgp/certificate.ts'
import * as nix from '../test/support/expressions.ts'
import { sha256 } from '../test/support/trust.ts'
import { debianSource } from '../tools/debian-source.mjs'

/** The name of the tarball in the store. */
export const TARBALL = 'libmd.tar.xz'

export interface Release {
  readonly version: string
  readonly tarball: Uint8Array
  readonly signature: Uint8Array
  readonly certificate: Uint8Array
  /** The fingerprint of the developer's primary key, upper-case hex. */
  readonly fingerprint: string
}

/**
 * libmd with its developer's signature, from Debian's archive. Throws an error of one line if it
 * cannot be downloaded.
 */
export function fetchRelease(): Release {
  const { version, tarball, signature, certificate } = debianSource('libmd')
  const key = readFileSync(certificate)
  const [fingerprint = ''] = certificateFingerprints(key)
  return {
    version,
    tarball: readFileSync(tarball),
    signature: readFileSync(signature),
    certificate: key,
    fingerprint,
  }
}

/** Whether this machine has a C compiler. */
export function hasCompiler(): boolean {
  return existsSync('/usr/bin/cc') && existsSync('/usr/bin/make')
}

/**
 * What the sandbox shows besides the store: a shell, the released file, and this machine's tools in
 * place of a stdenv.
 */
export function sandboxPaths(): string {
  const tools = ['/usr', '/lib', '/lib64'].filter(directory => existsSync(directory))
  return ['/bin/sh=/usr/bin/dash', '/srv', ...tools].join(' ')
}

/**
 * The package: fetches the tarball and builds it. Its last line makes the build unreproducible: it
 * adds an identifier that differs each time, as many real packages do.
 */
export function packageExpression({ version, tarball }: Release): string {
  const source = nix.fetchurl(TARBALL, `file:///srv/${TARBALL}`, sha256(tarball))
  const build = `set -e
export PATH=/usr/bin:/bin
/usr/bin/tar -xJf $inputs
cd libmd-*
mkdir -p $out/share
${hasCompiler() ? COMPILE : INSTALL_HEADERS}
cat /proc/sys/kernel/random/uuid > $out/share/build-id`
  return nix.derivation(`libmd-${version}`, { inputs: [source], build })
}

const COMPILE =
  '{ ./configure --prefix=$out --disable-static && make && make install; } >log 2>&1 || { tail log; exit 1; }'

const INSTALL_HEADERS = `mkdir $out/include
cp include/*.h $out/include
find . -type f | sort | xargs sha256sum > $out/share/sources`
