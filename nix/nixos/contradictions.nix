# Other settings that would bypass nixsig. None is overridden silently: the system is not built, and
# the message names two ways out.
{
  config,
  lib,
  options,
  ...
}:

let
  cfg = config.security.nixsig;
  others = import ./others-settings.nix { inherit lib options; };
  inherit (import ./parts.nix { inherit config lib; }) daemonConfig isIn;

  leave = "disable nixsig (security.nixsig.enable = false)";
  takeOut = setting: "take nix.settings.${setting} out there";

  # What others may set, why nothing else, and the ways out.
  limits = {
    sandbox = {
      allowed = [ "true" ];
      why = "Nix calls the pre-build hook only for sandboxed builds";
    };
    sandbox-fallback = {
      allowed = [ "false" ];
      why = "where Nix cannot make a sandbox, it would build without one, and without asking";
    };
    trusted-users = {
      allowed = [ "root" ];
      why = "trusted users can disable nixsig";
      either = "take them out, and let them use Nix like everybody else (nix.settings.allowed-users)";
    };
    substituters = {
      allowed = [
        "https://cache.nixos.org/"
        "https://cache.nixos.org"
      ];
      why = "Nix would ask them directly, without the gate";
      either = "list them in security.nixsig.gate.upstreams";
      otherwise = takeOut "substituters";
    };
    trusted-substituters = {
      why = "every user could make Nix ask them directly, without the gate";
      either = "list them in security.nixsig.gate.upstreams";
      otherwise = takeOut "trusted-substituters";
    };
    trusted-public-keys = {
      allowed = [ "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ];
      why = "Nix would accept what these keys signed, whatever the policy says";
      either = "make them principals (security.nixsig.principals) that security.nixsig.default.require.output names";
      otherwise = takeOut "trusted-public-keys";
    };
    require-sigs = {
      allowed = [ "true" ];
      why = "Nix would accept anything that a cache has, signed or not";
    };
    fallback = {
      allowed = [ "false" ];
      why = "Nix would build locally what the gate refused";
      either = "set security.nixsig.gate.onRefusal = \"not-found\", if that is meant";
      otherwise = takeOut "fallback";
    };
    accept-flake-config = {
      allowed = [ "false" ];
      why = "every flake that root uses could disable nixsig";
    };
  }
  // lib.optionalAttrs (isIn "hooks") {
    pre-build-hook = oneAlone ''"hooks" "plugin"'';
    post-build-hook = oneAlone ''"hooks" "plugin"'';
  }
  // lib.optionalAttrs (isIn "build-hook") {
    build-hook = oneAlone ''"build-hook"'';
  };

  oneAlone = parts: {
    why = "Nix can have only one, and it has to be nixsig's";
    otherwise = "leave nixsig's out (security.nixsig.without = [ ${parts} ])";
  };

  limit =
    setting:
    {
      allowed ? [ ],
      why,
      either ? takeOut setting,
      otherwise ? leave,
    }:
    let
      departing = others.departing setting allowed;
      said = lib.unique (lib.concatMap ({ words, ... }: words) departing);
      files = lib.unique (map ({ file, ... }: toString file) departing);
    in
    {
      assertion = departing == [ ];
      message = ''
        nix.settings.${setting} is set to ${lib.concatStringsSep " " said} in ${lib.concatStringsSep ", " files}: ${why}.
        Either ${either}, or ${otherwise}.
      '';
    };

  # With these features, outputs are identified by unsigned statements about what a derivation
  # produced.
  unknown = lib.intersectLists [
    "ca-derivations"
    "dynamic-derivations"
    "impure-derivations"
  ] (others.wordsFor "experimental-features");

  # A signature by this key means that the gate let a path in, so it must not sign what is built
  # here.
  ownKeys = lib.filter (lib.hasPrefix "/var/lib/nixsig/") (others.wordsFor "secret-key-files");

  # nixsig's settings that are missing although no definition contradicts them: all of nix.settings
  # may have been forced to something else.
  ours = import ./settings.nix { inherit config lib options; };
  overruled = lib.filter (
    name:
    others.words (config.nix.settings.${name} or null) != others.words ours.${name}
    && others.departing name [ ] == [ ]
  ) (builtins.attrNames ours);

  hasBuilders =
    (config.nix.distributedBuilds && config.nix.buildMachines != [ ]) || others.wordsFor "builders" != [ ];
  saidToDaemon = config.systemd.services.nix-daemon.environment.NIX_CONFIG or null;
  nixName = lib.getName config.nix.package;
  nixVersion = lib.getVersion config.nix.package;

  # Nix 2.25 to 2.33 ignores build-hook in nix.conf (NixOS/nix#15083).
  isForgetful = lib.versionAtLeast nixVersion "2.25" && lib.versionOlder nixVersion "2.34";
in
{
  config.warnings = lib.optional (cfg.enable && isIn "build-hook" && hasBuilders && isForgetful) ''
    nix.package is ${nixName} ${nixVersion}, which ignores build-hook in nix.conf. nixsig also sets it for nix-daemon, but builds that root starts without the daemon would be sent to remote builders unjudged.
    Either set nix.package to Nix 2.34 or later, or have root ask the daemon (environment.variables.NIX_REMOTE = "daemon").
  '';

  config.assertions = lib.mkIf cfg.enable (
    lib.mapAttrsToList limit limits
    ++ [
      {
        assertion = config.nix.enable;
        message = ''
          nix.enable is false, and nixsig needs nix.conf and nix-daemon, which are absent then.
          Either enable Nix, or ${leave}.
        '';
      }
      {
        assertion = lib.versionAtLeast nixVersion "2.8" && nixName != "lix";
        message = ''
          nix.package is ${nixName} ${nixVersion}, and nixsig needs Nix 2.8 or later: older versions lack what the plugin needs, and Lix continues without a plugin that it cannot load.
          Either set nix.package = pkgs.nix, or ${leave}.
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
        assertion = unknown == [ ];
        message = ''
          nix.settings.experimental-features has ${lib.concatStringsSep ", " unknown}: outputs are then identified by unsigned statements about what a derivation produced.
          Either take it out there, or ${leave}.
        '';
      }
      {
        assertion = ownKeys == [ ];
        message = ''
          nix.settings.secret-key-files has ${lib.concatStringsSep " " ownKeys}: Nix would sign builds with a key whose signature means that the gate let a path in.
          Either have Nix sign with another key, or ${takeOut "secret-key-files"}.
        '';
      }
      {
        assertion = saidToDaemon == null || (isIn "build-hook" && saidToDaemon == daemonConfig);
        message = ''
          systemd.services.nix-daemon.environment.NIX_CONFIG is set, which overrides nix.conf and what nixsig sets there.
          Either set the same in nix.settings, or ${leave}.
        '';
      }
      {
        assertion = overruled == [ ];
        message = ''
          nix.settings lost what nixsig sets there: ${lib.concatStringsSep ", " overruled}. Some module forces all of nix.settings (lib.mkForce).
          Either have it force single settings, or ${leave}.
        '';
      }
    ]
  );
}
