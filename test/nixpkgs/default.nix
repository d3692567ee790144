# A stand-in for nixpkgs with its own interface, for machines that cannot reach it: what nixsig's module, package and
# checks use of it and no more. Its programs are this machine's, which the sandbox must show (sandbox-paths = /bin
# /lib /lib64 /usr). Wherever it is used, the path of a real nixpkgs can take its place.
{
  system ? builtins.currentSystem,
  overlays ? [ ],
  config ? { },
}:

let
  lib = import ./lib;

  # Each layer sees the finished set as `final` and what lies below it as `prev`.
  layers = [
    (import ./pkgs/stdenv.nix { inherit lib system; })
    (import ./pkgs/writers.nix { inherit lib; })
    (import ./pkgs/formats.nix { inherit lib; })
    (import ./pkgs/machine.nix { inherit lib; })
    (import ./pkgs/npm.nix { inherit lib; })
    (import ./pkgs/vm-tests.nix { inherit lib; })
  ]
  ++ overlays;

  pkgs = builtins.foldl' (prev: layer: prev // layer pkgs prev) {
    inherit lib system config pkgs;
    path = ./.;
    inherit (import ./pkgs/call-package.nix { scope = pkgs; }) callPackage callPackages;
  } layers;
in
pkgs
