# Adds nixsig to nixpkgs; overlays.default of the flake.
final: _prev: {
  nixsig = final.callPackage ./package.nix { };
}
