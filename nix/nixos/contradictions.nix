# Settings of others that would open a door which nixsig closes. None is overruled in silence: the
# system is not built, and whoever set it is told of two ways out.
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

  # What others may say of a setting, why no more, and the ways out.
  limits = {
    sandbox = {
      allowed = [ "true" ];
      why = "Nix calls the pre-build hook for sandboxed builds alone";
    };
    sandbox-fallback = {
      allowed = [ "false" ];
      why = "Nix would build without a sandbox, and without asking, where it cannot make one";
    };
    trusted-users = {
      allowed = [ "root" ];
      why = "trusted users can switch off whatever stands before Nix";
      either = "take them out, and let them use Nix as everybody does (nix.settings.allowed-users)";
    };
    substituters = {
      allowed = [
        "https://cache.nixos.org/"
        "https://cache.nixos.org"
      ];
      why = "Nix would ask them past the gate";
      either = "list them in security.nixsig.gate.upstreams";
      otherwise = takeOut "substituters";
    };
    trusted-substituters = {
      why = "every user could have Nix ask them past the gate";
      either = "list them in security.nixsig.gate.upstreams";
      otherwise = takeOut "trusted-substituters";
    };
    trusted-public-keys = {
      allowed = [ "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ];
      why = "Nix would take what they signed without asking the policy";
      either = "make them principals (security.nixsig.principals) whom security.nixsig.default.require.output names";
      otherwise = takeOut "trusted-public-keys";
    };
    require-sigs = {
      allowed = [ "true" ];
      why = "Nix would take whatever a cache has";
    };
    fallback = {
      allowed = [ "false" ];
      why = "Nix would build in its place what the gate refused";
      either = "set security.nixsig.gate.on-refusal = \"not-found\", if that is meant";
      otherwise = takeOut "fallback";
    };
    accept-flake-config = {
      allowed = [ "false" ];
      why = "every flake that root uses could switch off whatever stands before Nix";
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
    why = "Nix has room for one, and it has to be nixsig's";
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

  # With these, outputs are known by what somebody says that a derivation made.
  unknown = lib.intersectLists [
    "ca-derivations"
    "dynamic-derivations"
    "impure-derivations"
  ] (others.wordsFor "experimental-features");

  # What this key signs was let in, and was not therefore built here.
  ownKeys = lib.filter (lib.hasPrefix "/var/lib/nixsig/") (others.wordsFor "secret-key-files");

  # What became of ours where nobody departs from it by name: all of nix.settings may have been
  # forced to something else.
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

  # Nix 2.25 to 2.33 forgets build-hook of nix.conf (NixOS/nix#15083).
  isForgetful = lib.versionAtLeast nixVersion "2.25" && lib.versionOlder nixVersion "2.34";
in
{
  config.warnings = lib.optional (cfg.enable && isIn "build-hook" && hasBuilders && isForgetful) ''
    nix.package is ${nixName} ${nixVersion}, which forgets build-hook of nix.conf. nixsig names it to nix-daemon as well, but what root builds without the daemon would be sent to remote builders before anybody judged it.
    Either set nix.package to Nix 2.34 or later, or have root ask the daemon (environment.variables.NIX_REMOTE = "daemon").
  '';

  config.assertions = lib.mkIf cfg.enable (
    lib.mapAttrsToList limit limits
    ++ [
      {
        assertion = config.nix.enable;
        message = ''
          nix.enable is false, and nixsig works by nix.conf and nix-daemon, which are not there then.
          Either enable Nix, or ${leave}.
        '';
      }
      {
        assertion = lib.versionAtLeast nixVersion "2.8" && nixName != "lix";
        message = ''
          nix.package is ${nixName} ${nixVersion}, and nixsig needs Nix 2.8 or later: older ones lack what the plugin stands on, and Lix goes on without a plugin that it cannot load.
          Either set nix.package = pkgs.nix, or ${leave}.
        '';
      }
      {
        assertion = isIn "hooks" || !isIn "plugin";
        message = ''
          security.nixsig.without leaves out the hooks and not the plugin, which would refuse every build: it lets in what the hooks let start.
          Either leave out "plugin" as well, or take "hooks" out of it.
        '';
      }
      {
        assertion = cfg.gate.fleet == null || !isIn "plugin";
        message = ''
          security.nixsig.gate.fleet has this machine take binaries that another one judged, and the plugin vetoes what was not judged here.
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
          nix.settings.experimental-features has ${lib.concatStringsSep ", " unknown}: outputs are then known by what somebody says that a derivation made, and nobody signs that.
          Either take it out there, or ${leave}.
        '';
      }
      {
        assertion = ownKeys == [ ];
        message = ''
          nix.settings.secret-key-files has ${lib.concatStringsSep " " ownKeys}: Nix would sign what was built with a key that means that it was let in.
          Either have Nix sign with another key, or ${takeOut "secret-key-files"}.
        '';
      }
      {
        assertion = saidToDaemon == null || (isIn "build-hook" && saidToDaemon == daemonConfig);
        message = ''
          systemd.services.nix-daemon.environment.NIX_CONFIG is set, which wins over nix.conf and whatever nixsig sets there.
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
