// The Debian package: the programs in /usr/lib/nixsig, from where the maintainer scripts install
// them beside other versions (`nixsig install`), so that nothing is half replaced while dpkg works.

import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const SCRIPTS = import.meta.dirname
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' }

/**
 * Makes nixsig_VERSION_ARCH.deb in `out` from a directory of programs; its path. `run` runs a
 * program with SOURCE_DATE_EPOCH.
 */
export function makeDebianPackage({ programs, version, stage, out, run }) {
  const architecture = ARCHITECTURES[process.arch]
  const tree = join(stage, 'debian')
  const place = (path, contents, mode = 0o644) => {
    const file = join(tree, path)
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    writeFileSync(file, contents)
    chmodSync(file, mode)
  }
  cpSync(programs, join(tree, 'usr/lib/nixsig'), { recursive: true })
  place('usr/bin/nixsig', readFileSync(join(SCRIPTS, 'nixsig.sh')), 0o755)
  const gzip = file => run('gzip', ['-n', '-9', '-c', file])
  for (const page of readdirSync(join(programs, 'man')))
    place(`usr/share/man/man1/${page}.gz`, gzip(join(programs, 'man', page)))
  place('usr/share/bash-completion/completions/nixsig', readFileSync(join(programs, 'completions/nixsig')))
  place('usr/share/zsh/vendor-completions/_nixsig', readFileSync(join(programs, 'completions/_nixsig')))
  const licences = ['LICENSE', 'LICENSES.txt'].map(name => readFileSync(join(programs, name), 'utf8'))
  place('usr/share/doc/nixsig/copyright', licences.join('\n'))
  place('usr/share/doc/nixsig/changelog.gz', gzip(join(programs, 'CHANGELOG.md')))
  for (const script of ['postinst', 'prerm', 'postrm'])
    place(`DEBIAN/${script}`, readFileSync(join(SCRIPTS, script)), 0o755)
  place('DEBIAN/control', controlText(version, architecture))
  run('chmod', ['-R', 'u=rwX,go=rX', tree])
  const file = join(out, `nixsig_${version}_${architecture}.deb`)
  run('dpkg-deb', ['--root-owner-group', '--threads-max=1', '-Zxz', '--build', tree, file])
  return file
}

function controlText(version, architecture) {
  return `Package: nixsig
Version: ${version.replace('-', '~')}
Architecture: ${architecture}
Maintainer: nixsig maintainers <nixsig@localhost>
Section: admin
Priority: optional
Depends: libc6 (>= 2.34), nodejs (>= 20.19), xz-utils
Recommends: gpgv | sqv, zstd, bzip2, lzip
Suggests: nix-bin
Description: Trust gate for Nix
 Refuses every derivation output whose signers are not in your trusted list.
 .
 Installing this package changes nothing about Nix: "nixsig setup" does, and
 "nixsig unsetup" takes it back.
`
}
