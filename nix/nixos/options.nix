# What is to be said of the machine. What is to be said of trust, which is the policy, has its
# options in policy-options.nix.
{ lib, pkgs, ... }:

let
  inherit (lib) mkEnableOption mkOption types;

  secretKeyFile = types.nullOr (
    types.addCheck types.path (file: !lib.hasPrefix builtins.storeDir (toString file) && builtins.isString file)
    // {
      description = "absolute path, in quotes and outside the store, of a secret key";
    }
  );
in
{
  options.security.nixsig = {
    enable = mkEnableOption ''
      nixsig, which refuses every derivation output whose signers are not in your trusted list. It
      begins by telling what it
      would refuse, and lets it pass, until `security.nixsig.mode` says otherwise'';

    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ../package.nix { };
      defaultText = lib.literalExpression "pkgs.nixsig";
      example = lib.literalExpression "inputs.nixsig.packages.\${pkgs.stdenv.hostPlatform.system}.default";
      description = "The nixsig that judges on this machine, and checks the policy when the system is built.";
    };

    without = mkOption {
      type = types.listOf (
        types.enum [
          "hooks"
          "build-hook"
          "plugin"
          "gate"
        ]
      );
      default = [ ];
      example = [ "build-hook" ];
      description = ''
        Parts that do not stand before Nix. Each closes a way by which something gets built or
        becomes valid, so leaving one out opens that way. Without the gate nothing comes from binary
        caches.
      '';
    };

    machineKeyFile = mkOption {
      type = secretKeyFile;
      default = null;
      example = "/run/secrets/nixsig-machine-key";
      description = ''
        File with the secret key by which this machine says what it built, as `nixsig keygen` makes
        it: root's, and nobody else's to read. It is copied to `/var/lib/nixsig` at the first start.
        Without it the machine makes a key for itself then. A machine that has another key already
        keeps it, and `nixsig-keys.service` fails and says so.
      '';
    };

    gate.keyFile = mkOption {
      type = secretKeyFile;
      default = null;
      example = "/run/secrets/nixsig-gate-key";
      description = ''
        The same for the key by which the gate signs what it lets in, which the gates of a fleet
        have in common. Its public half is what Nix is told to trust.
      '';
    };

    gate.fleet = mkOption {
      type = types.nullOr (
        types.submodule {
          options = {
            url = mkOption {
              type = types.strMatching "https?://[^[:space:]]+[^/[:space:]]" // {
                description = "address that begins with https:// or http://, without a slash at its end";
              };
              example = "https://cache.example.org";
              description = "Where it is asked.";
            };
            publicKey = mkOption {
              type = types.strMatching "[^:[:space:]]+:[0-9A-Za-z+/]{43}=" // {
                description = "public key in the form of Nix";
              };
              example = "fleet-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw=";
              description = "The key by which it signs what it lets in.";
            };
          };
        }
      );
      default = null;
      example = {
        url = "https://cache.example.org";
        publicKey = "fleet-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw=";
      };
      description = ''
        A gate of the fleet's, from which this machine takes its binaries in place of its own. Its word
        is then taken for what comes from caches, so the plugin, which knows what was judged here
        alone, has to be left out. What is built here is judged here: have `require.output` name its key.
      '';
    };

    audit = {
      enable = mkOption {
        type = types.bool;
        default = true;
        example = false;
        description = ''
          Fetch regularly what the attestation sources publish, try every door of the machine, and
          judge the running system by the policy and the evidence of the day. What is found is in
          the journal of `nixsig-audit.service`, which fails then.
        '';
      };

      startAt = mkOption {
        type = types.nonEmptyStr;
        default = "daily";
        example = "Mon *-*-* 04:00";
        description = "When to do so, as systemd.time(7) has it.";
      };
    };

    preSwitchCheck = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Refuse to switch to a system of which anything is not trusted by the policy in force; at the
        first time, by its own. While the policy only warns, it is told and let pass.
        `NIXOS_NO_CHECK=1` skips it, as it does all such checks.
      '';
    };
  };
}
