# nix.conf as nixsig needs it: its settings beside others', and once more as the last lines, so that
# neither text of others nor a file that they include comes after them.
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
  others = import ./others.nix { inherit lib options; };
  conf = import ./conf-text.nix { inherit lib; };
  inherit (import ./last-lines.nix) marker;

  # The hook that others set in nix.settings runs after nixsig's as well.
  theirs = (import ./carried.nix { inherit lib options; }).postBuildHook;
  afterBuild = lib.unique (
    lib.optional (isIn "hooks" && theirs != null) theirs ++ map toString cfg.postBuildHook
  );

  # Only the settings that are asked for are looked at: others may depend on what comes of this.
  wanted = others.settingsOver settings;
  wordsFor =
    name:
    let
      both = lib.filterAttrs (given: _: given == name || given == "extra-${name}") wanted;
    in
    (conf.valueOf (conf.read (conf.print both + others.text)) name).words;
  features = wordsFor "experimental-features";
  hasFlakes = lib.elem "flakes" features;
  includes = conf.includesIn (conf.read others.text);

  # Where others include files, whose contents nobody sees here, these are said again as well.
  pinned = {
    experimental-features = features;
    secret-key-files = wordsFor "secret-key-files";
    filter-syscalls = true;
    store = if wordsFor "store" == [ ] then "auto" else wordsFor "store";
  }
  // lib.optionalAttrs (!isIn "build-hook") {
    builders = wordsFor "builders";
  };

  # As they came out: what is forced to something else stays so, and contradictions.nix reports it.
  inForce = lib.intersectAttrs (settings // { accept-flake-config = null; }) config.nix.settings;
in
{
  config = lib.mkIf cfg.enable {
    # Stronger than other definitions but those of lib.mkForce. contradictions.nix reports conflicts.
    nix.settings = lib.mapAttrs (_: lib.mkOverride 55) settings // {
      # A flake could disable all of this. Nix warns about the setting if it has no flakes.
      accept-flake-config = lib.mkIf hasFlakes (lib.mkOverride 55 false);
    };

    nix.extraOptions = lib.mkOrder 1000000 (
      ''
        ${marker}, so that nothing above changes them${
          lib.optionalString (includes != [ ]) (
            ", nor anything in ${lib.concatStringsSep ", " includes}"
          )
        }.
      ''
      + conf.print (inForce // lib.optionalAttrs (includes != [ ]) pinned)
      # The gate's key is made on the machine, so that nobody else ever has it. Until then, nothing
      # comes in.
      + lib.optionalString hasOwnGate "!include ${keyConf}\n"
    );

    # What runs after nixsig's own post-build hook.
    environment.etc."nixsig/after-build" = lib.mkIf (afterBuild != [ ]) {
      text = lib.concatMapStringsSep "" (program: "${program}\n") afterBuild;
    };

    # Nix 2.25 to 2.33 replaces the build-hook of nix.conf with its own program. Other definitions
    # are stronger, so that the system evaluates as far as contradictions.nix.
    systemd.services.nix-daemon.environment = lib.optionalAttrs (isIn "build-hook") {
      NIX_CONFIG = lib.mkDefault daemonConfig;
    };
  };
}
