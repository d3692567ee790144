# Adds nixsig to nixpkgs, as overlays.default of the flake.
final: _prev: {
  nixsig = final.callPackage ./package.nix { };
}
