{
  description = "A NixOS machine with nixsig";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  inputs.nixsig.url = "git+https://example.org/nixsig";
  inputs.nixsig.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    { nixpkgs, nixsig, ... }:
    {
      nixosConfigurations.machine = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [
          nixsig.nixosModules.default
          ./configuration.nix
        ];
      };
    };
}
