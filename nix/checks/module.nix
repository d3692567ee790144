# A system with the module in it: its policy is checked by nixsig itself while it is built, and its nix.conf and units are there.
{ pkgs }:

let
  keys = import ./keys.nix;

  inherit
    (import "${pkgs.path}/nixos/lib/eval-config.nix" {
      inherit (pkgs.stdenv.hostPlatform) system;
      modules = [
        ../module.nix
        {
          security.nixsig = {
            enable = true;
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
  grep -q '/bin/nixsig serve' ${config.systemd.units."nixsig.service".unit}/nixsig.service
  touch $out
''
