# nixsig as a package: dist/ in libexec, whose programs name this very node in their first line,
# with the store plugin and the thin hooks in its native/. The same source gives the same bytes,
# wherever it is built.
{
  lib,
  stdenv,
  stdenvNoCC,
  nodejs,
  cacert,
}:

let
  inherit (stdenv.hostPlatform) system;
  cpu = if stdenv.hostPlatform.isAarch64 then "arm64" else "x64";

  files =
    paths:
    lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions paths;
    };

  # What package-lock.json pins, each by its own hash there and all together by the one in
  # npm-hashes.json (`node tools/npm-hashes.mjs` writes it). The build itself needs no network.
  nodeModules = stdenvNoCC.mkDerivation {
    name = "nixsig-node-modules";
    src = files [
      ../package.json
      ../package-lock.json
    ];
    nativeBuildInputs = [
      nodejs
      cacert
    ];
    buildPhase = ''
      export HOME=$TMPDIR
      npm ci --ignore-scripts --no-audit --no-fund --os=linux --cpu=${cpu} --libc=glibc
      rm node_modules/.package-lock.json
    '';
    installPhase = "cp -r node_modules $out";
    dontFixup = true;
    outputHashMode = "recursive";
    outputHashAlgo = "sha256";
    outputHash = (lib.importJSON ./npm-hashes.json).${system};
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
  # The thin hooks are static: nothing in the environment can make them load anything.
  buildInputs = [ (stdenv.cc.libc.static or stdenv.cc.libc) ];

  # A copy and not a link: the bundles name their modules by path, and the path must not be one of
  # the store.
  configurePhase = ''
    runHook preConfigure
    mkdir node_modules
    cp -r $nodeModules/. node_modules
    chmod -R u+w node_modules
    runHook postConfigure
  '';

  buildPhase = ''
    runHook preBuild
    node tools/build.mjs --out dist --node ${lib.getExe nodejs}
    runHook postBuild
  '';

  # dist/ can be copied to any machine and so has the compiled sodium-native of each kind; a package
  # is for one. The maps are for whoever debugs a checkout.
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

  # stdenv would take `-i` out of the hooks' first line, which keeps the environment of whoever
  # builds out of them, and would write into the compiled sodium-native, whose bytes
  # package-lock.json pins.
  dontFixup = true;

  disallowedReferences = [ finalAttrs.nodeModules ];

  # Without a C compiler tools/build.mjs leaves out what is written in C; a package never does. The
  # kernel reads 255 bytes of a program's first line and runs something else, or nothing, if that is
  # not all of it.
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

  passthru.plugin = "${finalAttrs.finalPackage}/libexec/nixsig/native/nixsig-plugin.so";

  meta = {
    description = "A trust gate for Nix: refuses every derivation output whose signers are not in your trusted list";
    license = lib.licenses.mit;
    mainProgram = "nixsig";
    platforms = [
      "x86_64-linux"
      "aarch64-linux"
    ];
  };
})
