# Settings of others that would open a door which nixsig closes. None is overruled in silence: the system is not built, and
# whoever set it is told of two ways out.
{
  config,
  lib,
  options,
  ...
}:

let
  cfg = config.security.nixsig;
  others = import ./others-settings.nix { inherit lib options; };

  # One assertion for a setting of which others may say these words and no more.
  only =
    {
      setting,
      allowed,
      why,
      either,
      otherwise,
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

  leave = "disable nixsig (security.nixsig.enable = false)";
  takeOut = setting: "take nix.settings.${setting} out there";

  own =
    setting: why:
    only {
      inherit setting why;
      allowed = [ ];
      either = takeOut setting;
      otherwise = "leave nixsig's out (security.nixsig.without = [ ${
        if setting == "build-hook" then ''"build-hook"'' else ''"hooks" "plugin"''
      } ])";
    };

  # What became of ours where nobody departs from it by name: all of nix.settings may have been forced to something else.
  ours = import ./settings.nix { inherit config lib options; };
  overruled = lib.filter (
    name:
    others.words (config.nix.settings.${name} or null) != others.words ours.${name}
    && others.departing name [ ] == [ ]
  ) (builtins.attrNames ours);

  hasBuilders = config.nix.distributedBuilds && config.nix.buildMachines != [ ];
  nixName = lib.getName config.nix.package;
  nixVersion = lib.getVersion config.nix.package;
in
{
  config.assertions = lib.mkIf cfg.enable (
    [
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
        assertion = lib.elem "plugin" cfg.without || !lib.elem "hooks" cfg.without;
        message = ''
          security.nixsig.without leaves out the hooks and not the plugin, which would refuse every build: it lets in what the hooks let start.
          Either leave out "plugin" as well, or take "hooks" out of it.
        '';
      }
      {
        assertion = !(hasBuilders && lib.elem "build-hook" cfg.without);
        message = ''
          nix.buildMachines names remote builders, and security.nixsig.without leaves out the build-hook, so they would be sent derivations that nobody judged.
          Either take "build-hook" out of security.nixsig.without, or set nix.distributedBuilds = false.
        '';
      }
      {
        assertion = overruled == [ ];
        message = ''
          nix.settings lost what nixsig sets there: ${lib.concatStringsSep ", " overruled}. Some module forces all of nix.settings (lib.mkForce).
          Either have it force single settings, or ${leave}.
        '';
      }
      (only {
        setting = "sandbox";
        allowed = [ "true" ];
        why = "Nix calls the pre-build hook for sandboxed builds alone";
        either = takeOut "sandbox";
        otherwise = leave;
      })
      (only {
        setting = "sandbox-fallback";
        allowed = [ "false" ];
        why = "Nix would build without a sandbox, and without asking, where it cannot make one";
        either = takeOut "sandbox-fallback";
        otherwise = leave;
      })
      (only {
        setting = "trusted-users";
        allowed = [ "root" ];
        why = "trusted users can switch off whatever stands before Nix";
        either = "take them out, and let them use Nix as everybody does (nix.settings.allowed-users)";
        otherwise = leave;
      })
      (only {
        setting = "substituters";
        allowed = [
          "https://cache.nixos.org/"
          "https://cache.nixos.org"
        ];
        why = "Nix would ask them past the gate";
        either = "list them in security.nixsig.gate.upstreams";
        otherwise = takeOut "substituters";
      })
      (only {
        setting = "trusted-substituters";
        allowed = [ ];
        why = "every user could have Nix ask them past the gate";
        either = "list them in security.nixsig.gate.upstreams";
        otherwise = takeOut "trusted-substituters";
      })
      (only {
        setting = "trusted-public-keys";
        allowed = [ "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ];
        why = "Nix would take what they signed without asking the policy";
        either = "make them principals (security.nixsig.principals) whom security.nixsig.default.require.output names";
        otherwise = takeOut "trusted-public-keys";
      })
      (only {
        setting = "require-sigs";
        allowed = [ "true" ];
        why = "Nix would take whatever a cache has";
        either = takeOut "require-sigs";
        otherwise = leave;
      })
      (only {
        setting = "fallback";
        allowed = [ "false" ];
        why = "Nix would build in its place what the gate refused";
        either = "set security.nixsig.gate.on-refusal = \"not-found\", if that is meant";
        otherwise = takeOut "fallback";
      })
      (only {
        setting = "accept-flake-config";
        allowed = [ "false" ];
        why = "every flake that root uses could switch off whatever stands before Nix";
        either = takeOut "accept-flake-config";
        otherwise = leave;
      })
      (
        let
          unknown = [
            "ca-derivations"
            "dynamic-derivations"
            "impure-derivations"
          ];
          found = lib.intersectLists unknown (others.wordsFor "experimental-features");
        in
        {
          assertion = found == [ ];
          message = ''
            nix.settings.experimental-features has ${lib.concatStringsSep ", " found}: outputs are then known by what somebody says that a derivation made, and nobody signs that.
            Either take it out there, or ${leave}.
          '';
        }
      )
    ]
    ++ lib.optionals (!lib.elem "hooks" cfg.without) [
      (own "pre-build-hook" "Nix has room for one, and it has to be nixsig's")
      (own "post-build-hook" "Nix has room for one, and it has to be nixsig's")
    ]
    ++ lib.optionals (!lib.elem "build-hook" cfg.without) [
      (own "build-hook" "Nix has room for one, and it has to be nixsig's")
    ]
  );
}
