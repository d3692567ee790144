# nixsig as a package: dist/ in libexec, whose programs have this node in their first line, with the
# store plugin and the thin hooks in its native/. The same source gives the same bytes wherever it
# is built.
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

  # The packages that package-lock.json pins, each with its own hash there and all together with the
  # one in npm-hashes.json (written by `node tools/npm-hashes.mjs`). The build itself needs no
  # network.
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
    node tools/build.mjs --out dist --node ${lib.getExe nodejs}
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
