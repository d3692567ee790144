# nixsig as a package: dist/ in libexec, whose programs have this node in their first line, with the
# store plugin and the thin hooks in its native/. The same source gives the same bytes wherever it
# is built.
{
  lib,
  stdenv,
  stdenvNoCC,
  nodejs,
  importNpmLock,
  testers,
  callPackages,
  # What nixsig calls, by store path: it looks nowhere that a system may not have.
  bzip2,
  coreutils,
  git,
  gzip,
  sequoia-sqv,
  systemdMinimal,
  util-linux,
  xz,
  zstd,
}:

let
  inherit (stdenv.hostPlatform) system;

  # As npm calls it. Of each platform sodium-native has a program, compiled for glibc.
  cpu =
    {
      "x86_64-linux" = "x64";
      "aarch64-linux" = "arm64";
    }
    .${if stdenv.hostPlatform.isMusl then "musl" else system} or (throw ''
      nixsig does not run on ${system}${lib.optionalString stdenv.hostPlatform.isMusl " with musl"}: it guards the store on x86_64-linux and aarch64-linux, with glibc.
      Another machine can take its binaries from the gate of one that it guards: docs/how-to/fleet.md.'');

  programs = lib.concatMapStringsSep ":" (package: "${lib.getBin package}/bin") [
    git
    sequoia-sqv
    coreutils
    util-linux
    xz
    zstd
    bzip2
    gzip
    systemdMinimal
  ];

  files =
    paths:
    lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions paths;
    };

  # package-lock.json pins each package by its hash, and leaves open from where it comes.
  packageLock =
    let
      lock = lib.importJSON ../package-lock.json;
      addressOf =
        path: version:
        let
          name = lib.last (lib.splitString "node_modules/" path);
        in
        "https://registry.npmjs.org/${name}/-/${lib.last (lib.splitString "/" name)}-${version}.tgz";
    in
    lock
    // {
      packages = lib.mapAttrs (
        path: module:
        if module ? integrity then { resolved = addressOf path module.version; } // module else module
      ) lock.packages;
    };

  # These packages, each a source of its own.
  nodeModules = stdenvNoCC.mkDerivation {
    name = "nixsig-node-modules";
    npmDeps = importNpmLock {
      npmRoot = ../.;
      inherit packageLock;
    };
    # No program of theirs runs while they are installed.
    npmFlags = [ "--ignore-scripts" ];
    npmInstallFlags = [
      "--no-audit"
      "--no-fund"
      "--os=linux"
      "--cpu=${cpu}"
      "--libc=glibc"
    ];
    src = files [
      ../package.json
      ../package-lock.json
    ];
    nativeBuildInputs = [
      nodejs
      importNpmLock.npmConfigHook
    ];
    installPhase = ''
      rm -f node_modules/.package-lock.json
      cp -r node_modules $out
    '';
    dontFixup = true;
  };
in
stdenv.mkDerivation (finalAttrs: {
  pname = "nixsig";
  version = (lib.importJSON ../package.json).version;

  src = files [
    ../package.json
    ../tsconfig.json
    ../src
    ../hooks
    ../tools
    ./plugin
  ];

  inherit nodeModules;

  nativeBuildInputs = [ nodejs ];
  # The thin hooks are static: nothing in the environment can make them load a library.
  buildInputs = [ (stdenv.cc.libc.static or stdenv.cc.libc) ];

  # A copy and not a link: the bundles name their modules by path, which must not be a store path.
  configurePhase = ''
    runHook preConfigure
    mkdir node_modules
    cp -r $nodeModules/. node_modules
    chmod -R u+w node_modules
    runHook postConfigure
  '';

  buildPhase = ''
    runHook preBuild
    node tools/build.mjs --out dist --node ${lib.getExe nodejs} --programs ${programs}
    runHook postBuild
  '';

  # dist/ can be copied to any machine, so it has the compiled sodium-native for each platform; a
  # package is for one. The source maps are for debugging a checkout.
  installPhase = ''
    runHook preInstall
    mkdir -p $out/libexec $out/bin $out/share/bash-completion/completions $out/share/man
    cp -r dist $out/libexec/nixsig
    find $out/libexec/nixsig -name '*.map' -delete
    mv $out/libexec/nixsig/man $out/share/man/man1
    find $out/libexec/nixsig/prebuilds -type f ! -path '*/linux-${cpu}/sodium-native.node' -delete
    find $out/libexec/nixsig/prebuilds -type d -empty -delete
    ln -s ../libexec/nixsig/nixsig $out/bin/nixsig
    SHELL=/bin/bash $out/bin/nixsig completion >$out/share/bash-completion/completions/nixsig
    runHook postInstall
  '';

  # stdenv would remove `-i` from the hooks' first line, which protects the hooks from the builder's
  # environment, and would patch the compiled sodium-native, whose bytes package-lock.json pins.
  dontFixup = true;

  disallowedReferences = [ finalAttrs.nodeModules ];

  # Without a C compiler, tools/build.mjs leaves out the C programs; a package must have them. The
  # kernel reads 255 bytes of a program's first line and runs something else, or nothing, if the
  # line is longer.
  doInstallCheck = true;
  installCheckPhase = ''
    runHook preInstallCheck
    for file in nixsig-plugin.so pre-build-hook post-build-hook; do
      test -s $out/libexec/nixsig/native/$file || { echo "native/$file was not built" >&2; exit 1; }
    done
    test -s $out/libexec/nixsig/prebuilds/linux-${cpu}/sodium-native.node
    for program in nixsig pre-build-hook post-build-hook build-hook; do
      first=$(head -n 1 $out/libexec/nixsig/$program)
      test ''${#first} -lt 255 || { echo "the first line of $program is too long: $first" >&2; exit 1; }
    done
    test "$($out/bin/nixsig --version)" = ${finalAttrs.version}
    runHook postInstallCheck
  '';

  passthru = {
    plugin = "${finalAttrs.finalPackage}/libexec/nixsig/native/nixsig-plugin.so";
    tests = {
      version = testers.testVersion { package = finalAttrs.finalPackage; };
    }
    // callPackages ./checks/vm.nix { };
  };

  meta = {
    description = "A trust gate for Nix: refuses every derivation output whose signers are not in your trusted list";
    license = lib.licenses.mit;
    # sodium-native comes compiled; package-lock.json pins its bytes.
    sourceProvenance = [
      lib.sourceTypes.fromSource
      lib.sourceTypes.binaryNativeCode
    ];
    maintainers = [ ];
    mainProgram = "nixsig";
    platforms = [
      "x86_64-linux"
      "aarch64-linux"
    ];
  };
})
