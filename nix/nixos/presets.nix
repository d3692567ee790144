# Principals that many list, by name. Nobody is trusted for being here.
{
  # https://cache.nixos.org, as NixOS has its key by default (nix.settings.trusted-public-keys).
  "cache.nixos.org".keys = [ "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ];
}
