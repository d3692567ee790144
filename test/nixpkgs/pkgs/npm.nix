# importNpmLock: the packages that a lock file names, each fetched by its hash there, and the hook that
# installs them.
{ lib }:
final: prev:

let
  fetched =
    module:
    if !(module ? resolved) then
      module
    else
      removeAttrs module [ "funding" ]
      // {
        resolved = "file:${
          final.fetchurl {
            url = module.resolved;
            hash = module.integrity;
          }
        }";
      };

  importNpmLock =
    {
      npmRoot,
      packageLock ? lib.importJSON (npmRoot + "/package-lock.json"),
    }:
    let
      lock = packageLock;
      package = lib.importJSON (npmRoot + "/package.json");
      packages = builtins.mapAttrs (_: fetched) lock.packages;
      # What package.json names is where the lock says.
      named = builtins.mapAttrs (name: _: packages."node_modules/${name}".resolved);
    in
    final.runCommand "${package.name}-${package.version}-sources"
      {
        package = builtins.toJSON (
          package
          // {
            dependencies = named (package.dependencies or { });
            devDependencies = named (package.devDependencies or { });
          }
        );
        lock = builtins.toJSON (lock // { inherit packages; });
        passAsFile = [
          "package"
          "lock"
        ];
      }
      ''
        mkdir $out
        printf %s "$package" >$out/package.json
        printf %s "$lock" >$out/package-lock.json
      '';
in
{
  fetchurl =
    { url, hash }:
    derivation {
      name = lib.last (builtins.filter builtins.isString (builtins.split "/" url));
      system = "builtin";
      builder = "builtin:fetchurl";
      inherit url;
      outputHash = hash;
      outputHashMode = "flat";
      executable = false;
      unpack = false;
      preferLocalBuild = true;
    };

  importNpmLock = {
    __functor = _: importNpmLock;
    npmConfigHook = final.runCommand "npm-config-hook" { } ''
      mkdir -p $out/nix-support
      cp ${builtins.toFile "setup-hook" ''
        npmConfigHook() {
          export HOME=$TMPDIR npm_config_offline=true
          cp --no-preserve=mode $npmDeps/package.json $npmDeps/package-lock.json .
          npm install --ignore-scripts $npmInstallFlags $npmFlags
        }
        postPatchHooks+=(npmConfigHook)
      ''} $out/nix-support/setup-hook
    '';
  };
}
