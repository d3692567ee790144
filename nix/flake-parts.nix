# A module for flake-parts: each of the flake's NixOS machines that has nixsig gets a check, which
# builds the policy of that machine, and so tries it.
{ config, lib, ... }:

let
  guarded = lib.filterAttrs (
    _: machine: machine.config.security.nixsig.enable or false
  ) config.flake.nixosConfigurations;
in
{
  config.perSystem =
    { system, ... }:
    {
      checks = lib.mapAttrs' (
        name: machine: lib.nameValuePair "nixsig-policy-${name}" machine.config.security.nixsig.policyFile
      ) (lib.filterAttrs (_: machine: machine.pkgs.stdenv.hostPlatform.system == system) guarded);
    };
}
