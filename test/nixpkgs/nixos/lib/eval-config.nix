# A system: { config, options, pkgs, ... } of its modules, on top of those of NixOS that are stood in for here.
{
  system ? builtins.currentSystem,
  modules,
  specialArgs ? { },
  # Which NixOS this stands in for, as far as its options differ.
  release ? "25.05",
}:

let
  lib = import ../../lib;

  evaluated = lib.evalModules {
    specialArgs = {
      nixosRelease = release;
    }
    // specialArgs;
    class = "nixos";
    modules = modules ++ [
      ../modules/environment.nix
      ../modules/nix.nix
      ../modules/systemd.nix
      ../modules/top-level.nix
      (
        { config, ... }:
        {
          _file = "eval-config.nix";
          options.nixpkgs.overlays = lib.mkOption {
            type = lib.types.listOf lib.types.raw;
            default = [ ];
          };
          config._module.args.pkgs = import ../.. {
            inherit system;
            inherit (config.nixpkgs) overlays;
          };
        }
      )
    ];
  };
in
evaluated
// {
  inherit lib;
  inherit (evaluated.config._module.args) pkgs;
}
