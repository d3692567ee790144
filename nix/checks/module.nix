# A system with the module: nixsig itself checks its policy when it is built, and its nix.conf and
# units are in place.
{ pkgs }:

let
  keys = import ./keys.nix;

  inherit
    (import (pkgs.path + "/nixos/lib/eval-config.nix") {
      inherit (pkgs.stdenv.hostPlatform) system;
      modules = [
        ../module.nix
        {
          security.nixsig = {
            enable = true;
            package = pkgs.callPackage ../package.nix { };
            mode = "enforce";
            principals.alice.keys = [ keys.alice.public ];
            default.require.source = "alice";
          };
        }
      ];
    })
    config
    ;
in
pkgs.runCommand "nixsig-module" { } ''
  grep -q 'source = "alice"' ${config.security.nixsig.policyFile}
  grep -q '^pre-build-hook = .*/native/pre-build-hook$' ${config.environment.etc."nix/nix.conf".source}
  case '${config.systemd.services.nixsig.serviceConfig.ExecStart}' in
    "${config.security.nixsig.package}/bin/nixsig serve"*) ;;
    *) exit 1 ;;
  esac
  touch $out
''
