# What `nix flake check` builds: the package with its tests and formatting, the module, and the
# attacks, each as a separate virtual machine.
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
