# security.nixsig: the NixOS module. Import it by path, or as nixosModules.default of the flake.
{
  _class = "nixos";
  imports = [
    ./nixos/options.nix
    ./nixos/policy-options.nix
    ./nixos/policy.nix
    ./nixos/carry-over.nix
    ./nixos/nix-conf.nix
    ./nixos/contradictions.nix
    ./nixos/daemon-environment.nix
    ./nixos/other-conf-files.nix
    ./nixos/requirements.nix
    ./nixos/services.nix
    ./nixos/audit.nix
    ./nixos/report.nix
    ./nixos/expressions.nix
    ./nixos/switch.nix
  ];
}
