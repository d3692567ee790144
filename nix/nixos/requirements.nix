# What nixsig needs of the rest of the system, and which of its own options need one another.
{
  config,
  lib,
  options,
  ...
}:

let
  cfg = config.security.nixsig;
  others = import ./others.nix { inherit lib options; };
  conf = import ./conf-text.nix { inherit lib; };
  inherit (import ./parts.nix { inherit config lib; }) isIn leave;

  hasBuilders =
    (config.nix.distributedBuilds && config.nix.buildMachines != [ ])
    || lib.any (lines: (conf.valueOf lines "builders").words != [ ]) (
      others.confsOf (lib.filterAttrs (name: _: lib.hasSuffix "builders" name) (others.settingsOver { }))
    );

  nixName = lib.getName config.nix.package;
  nixVersion = lib.getVersion config.nix.package;
  isLix = nixName == "lix";

  # Nix 2.25 to 2.33 ignores build-hook in nix.conf (NixOS/nix#15083).
  isForgetful =
    !isLix && lib.versionAtLeast nixVersion "2.25" && lib.versionOlder nixVersion "2.34";
in
{
  config.warnings = lib.optional (cfg.enable && isIn "build-hook" && hasBuilders && isForgetful) ''
    nix.package is ${nixName} ${nixVersion}, which ignores build-hook in nix.conf. nixsig also sets it for nix-daemon, but builds that root starts without the daemon would be sent to remote builders unjudged.
    Either set nix.package to Nix 2.34 or later, or have root ask the daemon (environment.variables.NIX_REMOTE = "daemon").
  '';

  config.assertions = lib.mkIf cfg.enable [
    {
      assertion = config.nix.enable;
      message = ''
        nix.enable is false, and nixsig needs nix.conf and nix-daemon, which are absent then.
        Either enable Nix, or ${leave}.
      '';
    }
    {
      assertion = lib.versionAtLeast nixVersion "2.8";
      message = ''
        nix.package is ${nixName} ${nixVersion}, and nixsig needs Nix 2.8 or later: older versions lack what the plugin needs.
        Either set nix.package = pkgs.nix, or ${leave}.
      '';
    }
    {
      assertion = !isLix || !isIn "plugin";
      message = ''
        nix.package is ${nixName} ${nixVersion}, and Lix continues without a plugin that it cannot load.
        Either set nix.package = pkgs.nix, or leave the plugin out (security.nixsig.without = [ "plugin" ]): hooks and gate then refuse, and the reason is in the journal of nix-daemon.
      '';
    }
    {
      assertion = (config.nix.daemonUser or "root") == "root";
      message = ''
        nix.daemonUser is ${toString (config.nix.daemonUser or "root")}, and nixsig's hooks need the rights of root: its keys and records are root's.
        Either have root run nix-daemon, or ${leave}.
      '';
    }
    {
      assertion = lib.any isIn [
        "hooks"
        "build-hook"
        "plugin"
        "gate"
      ];
      message = ''
        security.nixsig.without leaves out everything, so nothing would be judged.
        Either leave in at least one of "hooks", "build-hook", "plugin" and "gate", or ${leave}.
      '';
    }
    {
      assertion = isIn "hooks" || !isIn "plugin";
      message = ''
        security.nixsig.without leaves out the hooks and not the plugin, which would refuse every build: it only lets in outputs of builds that the hooks allowed.
        Either leave out "plugin" as well, or take "hooks" out of it.
      '';
    }
    {
      assertion = cfg.gate.fleet == null || !isIn "plugin";
      message = ''
        security.nixsig.gate.fleet makes this machine use binaries that another one judged, and the plugin refuses what was not judged here.
        Either leave it out (security.nixsig.without = [ "plugin" ]), or have the own gate ask the caches (security.nixsig.gate.upstreams).
      '';
    }
    {
      assertion = isIn "build-hook" || !hasBuilders;
      message = ''
        There are remote builders (nix.buildMachines, nix.settings.builders), and security.nixsig.without leaves out the build-hook, so they would be sent derivations that nobody judged.
        Either take "build-hook" out of security.nixsig.without, or set nix.distributedBuilds = false.
      '';
    }
    {
      assertion = !cfg.preSwitchCheck || options.system ? preSwitchChecks;
      message = ''
        security.nixsig.preSwitchCheck needs NixOS 25.05 or later: this one has no checks before a switch.
        Either set security.nixsig.preSwitchCheck = false and judge each system before you switch to it (nixsig verify --recursive --by-mode SYSTEM), or use a later NixOS.
      '';
    }
  ];
}
