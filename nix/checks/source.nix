# Checks of the source: tests, types and formatting. The other tests need root, namespaces and
# Debian: see CONTRIBUTING.md.
{ pkgs }:

let
  inherit (pkgs) lib;
  inherit (pkgs.callPackage ../package.nix { }) nodeModules;

  src = lib.fileset.toSource {
    root = ../..;
    fileset = lib.fileset.unions [
      ../../package.json
      ../../tsconfig.json
      ../../biome.json
      ../../README.md
      ../../CONTRIBUTING.md
      ../../flake.nix
      ../../default.nix
      ../../src
      ../../hooks
      ../../tools
      ../../test
      ../../docs
      ../../demo
      ../../bench
      ../../fuzz
      ../../nix
    ];
  };

  # Runs a command in a checkout with its node_modules.
  check =
    name: programs: command:
    pkgs.runCommand "nixsig-${name}" { nativeBuildInputs = [ pkgs.nodejs ] ++ programs; } ''
      cp -r ${src}/. checkout
      chmod -R u+w checkout
      cd checkout
      cp -r ${nodeModules} node_modules
      chmod -R u+w node_modules
      export HOME=$TMPDIR
      ${command}
      touch $out
    '';

  # Under the name that Debian and the tests use.
  signify = pkgs.runCommand "signify-openbsd" { } ''
    mkdir -p $out/bin
    ln -s ${lib.getExe' pkgs.signify "signify"} $out/bin/signify-openbsd
  '';

  arch = if pkgs.stdenv.hostPlatform.isAarch64 then "arm64" else "x64";
in
{
  # Tests that need nothing of the machine except these programs.
  unit-tests =
    check "unit-tests"
      [
        pkgs.nix
        pkgs.gnupg
        pkgs.sequoia-sqv
        pkgs.minisign
        signify
        pkgs.openssh
        pkgs.openssl
        pkgs.sqlite
        pkgs.dpkg
        pkgs.git
        pkgs.systemd
        pkgs.stdenv.cc
        pkgs.gnumake
      ]
      ''
        node tools/test.mjs --unit --only test/primitives/ --only test/formats/ --only test/policy/ --only test/layers
      '';

  types = check "types" [ ] "node node_modules/typescript/bin/tsc --noEmit";

  # npm's program needs the dynamic linker of another distribution.
  format = check "format" [ ] ''
    ${pkgs.stdenv.cc.bintools.dynamicLinker} --library-path ${pkgs.stdenv.cc.cc.lib}/lib \
      node_modules/@biomejs/cli-linux-${arch}/biome check --error-on-warnings .
  '';
}
