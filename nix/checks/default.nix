# What `nix flake check` builds: the package with its tests and formatting, and the module. The
# tests in virtual machines are apart (vm.nix).
{ pkgs }:

{
  package = pkgs.callPackage ../package.nix { };
  module = import ./module.nix { inherit pkgs; };
}
// import ./source.nix { inherit pkgs; }
