# What `nix flake check` builds: the package with its tests and its formatting, the module, and what
# it is to withstand, each attack as a virtual machine of its own.
{ pkgs }:

let
  inherit (pkgs) lib;
  harness = import ./harness.nix { inherit pkgs; };

  vmTests = lib.genAttrs [
    "happy-path"
    "unsigned-source"
    "lying-cache"
    "unadmitted-switch"
    "tampered-policy"
    "gate-down-at-boot"
  ] (name: import (./. + "/${name}.nix") harness);
in
{
  package = pkgs.callPackage ../package.nix { };
  module = import ./module.nix { inherit pkgs; };
}
// import ./source.nix { inherit pkgs; }
// lib.mapAttrs' (name: test: lib.nameValuePair "vm-${name}" test) vmTests
