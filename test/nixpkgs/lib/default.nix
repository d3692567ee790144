# The library functions of nixpkgs that nixsig uses, with the same names, arguments and results, written anew and kept as
# small as that: what the module system leaves out here would not be noticed by nixsig's modules. Where the tests have
# brought a copy of nixpkgs' own library (NIXPKGS_LIB, see CONTRIBUTING.md), it takes the place of this one. Nix 2.8 reads
# all of that but `fileset`.
let
  copy = ../nixpkgs-lib;

  lib =
    builtins
    // import ./attrsets.nix { inherit lib; }
    // import ./lists.nix { inherit lib; }
    // import ./strings.nix { inherit lib; }
    // import ./options.nix { inherit lib; }
    // import ./definitions.nix { inherit lib; }
    // import ./modules.nix { inherit lib; }
    // import ./sources.nix { inherit lib; }
    // {
      types = import ./types.nix { inherit lib; };
      licenses.mit = {
        spdxId = "MIT";
        fullName = "MIT License";
      };
      sourceTypes = {
        fromSource.shortName = "fromSource";
        binaryNativeCode.shortName = "binaryNativeCode";
      };
      platforms.linux = [
        "x86_64-linux"
        "aarch64-linux"
      ];
    };
in
if builtins.pathExists copy then import copy // { inherit (lib) fileset; } else lib
