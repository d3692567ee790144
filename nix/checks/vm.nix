# The attacks, each as a separate virtual machine. They need KVM and a while.
{ pkgs }:

let
  harness = import ./harness.nix { inherit pkgs; };
in
pkgs.lib.genAttrs [
  "happy-path"
  "unsigned-source"
  "lying-cache"
  "unadmitted-switch"
  "tampered-policy"
  "gate-down-at-boot"
] (name: import (./. + "/${name}.nix") harness)
