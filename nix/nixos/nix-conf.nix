# nix.conf as nixsig needs it.
{
  config,
  lib,
  options,
  ...
}:

let
  cfg = config.security.nixsig;
  inherit (import ./parts.nix { inherit config lib; }) daemonConfig hasOwnGate isIn keyConf;
  settings = import ./settings.nix { inherit config lib options; };
  others = import ./others-settings.nix { inherit lib options; };
  hasFlakes = lib.elem "flakes" (others.wordsFor "experimental-features");
in
{
  config = lib.mkIf cfg.enable {
    # Stronger than other definitions, so that the system evaluates as far as contradictions.nix,
    # which reports the conflict.
    nix.settings = lib.mapAttrs (_: lib.mkOverride 60) settings // {
      # A flake could disable all of this. Nix warns about the setting if it has no flakes.
      accept-flake-config = lib.mkIf hasFlakes (lib.mkOverride 60 false);
    };

    # Nix 2.25 to 2.33 replaces the build-hook of nix.conf with its own program. Other definitions
    # are stronger, so that the system evaluates as far as contradictions.nix.
    systemd.services.nix-daemon.environment = lib.optionalAttrs (isIn "build-hook") {
      NIX_CONFIG = lib.mkDefault daemonConfig;
    };

    # What runs after nixsig's own post-build hook.
    environment.etc."nixsig/after-build" = lib.mkIf (cfg.postBuildHook != [ ]) {
      text = lib.concatMapStringsSep "" (program: "${program}\n") cfg.postBuildHook;
    };

    # The gate's key is made on the machine, so that nobody else ever has it. Until then, nothing
    # comes in.
    nix.extraOptions = lib.mkIf hasOwnGate (
      lib.mkAfter ''
        !include ${keyConf}
      ''
    );
  };
}
