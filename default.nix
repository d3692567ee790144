# For whoever does without flakes: the package, the module of NixOS, the functions of nix/lib.nix and the overlay.
{
  pkgs ? import <nixpkgs> { },
}:

{
  nixsig = pkgs.callPackage ./nix/package.nix { };
  module = ./nix/module.nix;
  lib = import ./nix/lib.nix;
  overlay = import ./nix/overlay.nix;
}
