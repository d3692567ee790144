# nixsig as a package: dist/, whose programs name this very node in their first line, with the store plugin and the thin
# hooks in its native/.
{
  lib,
  stdenv,
  stdenvNoCC,
  nodejs,
  cacert,
}:

let
  system = stdenv.hostPlatform.system;

  files =
    paths:
    lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions paths;
    };

  # What package-lock.json pins, each by its own hash there and all together by the one in npm-hashes.json
  # (`node tools/npm-hashes.mjs` writes it). The build itself needs no network.
  modules = stdenvNoCC.mkDerivation {
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
      npm ci --ignore-scripts --no-audit --no-fund --os=linux --cpu=${
        if stdenv.hostPlatform.isAarch64 then "arm64" else "x64"
      } --libc=glibc
      rm node_modules/.package-lock.json
    '';
    installPhase = "cp -r node_modules $out";
    dontFixup = true;
    outputHashMode = "recursive";
    outputHashAlgo = "sha256";
    outputHash = (lib.importJSON ./npm-hashes.json).${system};
  };
in
stdenv.mkDerivation {
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

  nativeBuildInputs = [ nodejs ];
  # The thin hooks are static: nothing in the environment can make them load anything.
  buildInputs = [ (stdenv.cc.libc.static or stdenv.cc.libc) ];

  buildPhase = ''
    runHook preBuild
    ln -s ${modules} node_modules
    node tools/build.mjs --out dist --node ${lib.getExe nodejs}
    runHook postBuild
  '';

  installPhase = ''
    runHook preInstall
    mkdir -p $out/libexec $out/bin
    cp -r dist $out/libexec/nixsig
    ln -s ../libexec/nixsig/nixsig $out/bin/nixsig
    runHook postInstall
  '';

  meta = {
    description = "A trust gate for Nix: refuses every derivation output whose signers are not in your trusted list";
    license = lib.licenses.mit;
    mainProgram = "nixsig";
    platforms = [
      "x86_64-linux"
      "aarch64-linux"
    ];
  };
}
