# stdenv: mkDerivation with nixpkgs's phases (setup.sh), compiling with what this machine has.
{ lib, system }:
final: prev:

let
  isAarch64 = system == "aarch64-linux";

  platform = {
    inherit system isAarch64;
    isMusl = false;
  };

  # What a derivation is told and its builder is not.
  untold = [
    "meta"
    "passthru"
    "env"
  ];

  nameOf = attributes: attributes.name or "${attributes.pname}-${attributes.version}";

  # `definition` maps the final attributes to those that were given.
  make =
    definition:
    let
      attributes = definition finalAttrs;
      finalAttrs = attributes // {
        finalPackage = package;
      };
      package =
        derivation (
          removeAttrs attributes untold
          // attributes.env or { }
          // {
            name = nameOf attributes;
            inherit system;
            builder = "/bin/bash";
            args = [
              "-e"
              ./setup.sh
            ];
          }
        )
        // attributes.passthru or { }
        // {
          meta = attributes.meta or { };
          passthru = attributes.passthru or { };
          overrideAttrs =
            changes:
            make (
              final:
              let
                previous = definition final;
              in
              previous // changed changes final previous
            );
        }
        // lib.optionalAttrs (attributes ? pname) { inherit (attributes) pname version; };
    in
    package;

  # Changes are a set, a function of what was there, or one of what comes out and what was there.
  changed =
    changes: final: previous:
    if !builtins.isFunction changes then
      changes
    else
      let
        first = changes previous;
      in
      if builtins.isFunction first then changes final previous else first;

  stdenvWith =
    attributes:
    attributes
    // {
      hostPlatform = platform;
      inherit system;
      mkDerivation =
        definition: make (if builtins.isFunction definition then definition else _: definition);
    };
in
{
  stdenv = stdenvWith {
    cc = final.gcc // {
      cc = final.gcc // {
        lib = final.glibc;
      };
      libc = final.glibc;
      bintools.dynamicLinker =
        if isAarch64 then "/lib/ld-linux-aarch64.so.1" else "/lib64/ld-linux-x86-64.so.2";
    };
  };
  stdenvNoCC = stdenvWith { cc = null; };

  mkShell =
    {
      packages ? [ ],
      nativeBuildInputs ? [ ],
      ...
    }@attributes:
    final.stdenv.mkDerivation (
      {
        name = "nix-shell";
        dontUnpack = true;
        buildPhase = "echo 'a shell is entered and not built' >&2; exit 1";
      }
      // removeAttrs attributes [ "packages" ]
      // {
        nativeBuildInputs = packages ++ nativeBuildInputs;
      }
    );
}
