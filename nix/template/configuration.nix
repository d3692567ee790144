# Add what `nixos-generate-config` wrote for this machine (imports = [ ./hardware-configuration.nix ]).
{
  networking.hostName = "machine";

  security.nixsig = {
    enable = true;

    # Reports what it would refuse. When it no longer names anything that you use: "enforce".
    mode = "warn";

    principals.nixos-cache.keys = [
      "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="
    ];

    # Outputs: from the cache of NixOS, or built here.
    groups.makers = {
      members = [
        "nixos-cache"
        "self"
      ];
      threshold = 1;
    };

    default = {
      require.source = "nothing";
      require.output = "makers";
      acceptUnknownDerivation = true;
    };
  };
}
