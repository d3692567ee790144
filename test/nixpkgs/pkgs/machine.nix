# Programs of this machine as packages: a directory of links to where the machine has them.
{ lib }:
final: prev:

let
  # The first of the programs, of which there may be none, is the main one. Each must be there when the package is built,
  # not when it is evaluated; NAME=PROGRAM is for what the machine calls otherwise.
  machine =
    version: pname: programs:
    final.runCommandLocal "${pname}-${version}"
      {
        inherit pname version;
        meta = if programs == "" then { } else { mainProgram = lib.head (lib.match "([^= ]*).*" programs); };
      }
      ''
        mkdir -p $out/bin
        for program in ${programs}; do
          ln -s "$(type -P "''${program#*=}")" "$out/bin/''${program%%=*}"
        done
      '';
in
builtins.mapAttrs (machine "1") {
  bash = "bash";
  cacert = "";
  bzip2 = "bzip2";
  coreutils = "cat cp env ls mkdir mkfifo rm sleep true";
  curl = "curl";
  dpkg = "dpkg dpkg-source";
  findutils = "find xargs";
  gcc = "cc gcc";
  git = "git";
  glibc = "";
  gnugrep = "grep";
  gzip = "gzip";
  gnumake = "make";
  gnupg = "gpg gpgv";
  gnused = "sed";
  jq = "jq";
  minisign = "minisign";
  nixfmt = "nixfmt";
  nixfmt-rfc-style = "nixfmt";
  nixfmt-tree = "treefmt";
  openssh = "ssh ssh-keygen";
  openssl = "openssl";
  python3 = "python3";
  sequoia-sqv = "sqv";
  signify = "signify=signify-openbsd";
  sqlite = "sqlite3";
  systemdMinimal = "systemctl systemd-notify";
  util-linux = "logger flock nsenter prlimit unshare";
  xz = "xz";
  zstd = "zstd";
}
// {
  nodejs = machine "20.19.0" "nodejs" "node npm";
  nix = machine "2.28.0" "nix" "nix nix-build nix-daemon nix-instantiate nix-store";
  systemd = machine "257" "systemd" "systemctl systemd-cat systemd-notify systemd-tmpfiles";
}
