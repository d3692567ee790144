# Options about the machine. The options about trust, which is the policy, are in
# policy-options.nix.
{ lib, pkgs, ... }:

let
  inherit (lib) mkEnableOption mkOption types;

  secretKeyFile = types.nullOr (
    types.addCheck types.path (file: !lib.hasPrefix builtins.storeDir (toString file) && builtins.isString file)
    // {
      description = "absolute path, in quotes and outside the store, of a secret key";
    }
  );

  publicKey = types.strMatching "[^:[:space:]]+:[0-9A-Za-z+/]{43}=" // {
    description = "public key in the form of Nix";
  };
in
{
  options.security.nixsig = {
    enable = mkEnableOption ''
      nixsig, which refuses every derivation output whose signers are not on your trusted list. At
      first it reports what it would refuse but allows it, until you change `security.nixsig.mode`'';

    # The overlay's package where there is one.
    package =
      lib.mkPackageOption ({ nixsig = pkgs.callPackage ../package.nix { }; } // pkgs) "nixsig"
        {
          example = "inputs.nixsig.packages.\${pkgs.stdenv.hostPlatform.system}.default";
          extraDescription = "It judges on this machine, and checks the policy when the system is built.";
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
        Parts to leave out. Each closes a way by which something is built or becomes valid, so
        leaving one out opens that way. Without the gate nothing comes from binary caches.
      '';
    };

    acceptTrustedUsers = mkOption {
      type = types.listOf (types.strMatching "@?[A-Za-z0-9_][A-Za-z0-9_.-]*");
      default = [ ];
      example = [ "deploy" ];
      description = ''
        Users, or groups after "@", who stay trusted by Nix (`nix.settings.trusted-users`). The price:
        they can do what root can, with or without a password. They can switch off hooks and sandbox
        for what they build, and run programs as root through the daemon. The store plugin still
        judges what becomes valid, as far as they leave it alone. The doctor warns of them.
        `docs/how-to/deploy.md` shows how to deploy without such users.
      '';
    };

    postBuildHook = mkOption {
      type = types.coercedTo types.path (program: [ program ]) (types.listOf types.path);
      default = [ ];
      example = lib.literalExpression "\"\${pkgs.upload-to-cache}/bin/upload\"";
      description = ''
        One program or several, run by root after each build that nixsig allowed, for the outputs
        that it admitted: an upload to a cache, or a queue. Like Nix's `post-build-hook`, which runs
        before them if it is set, they get `DRV_PATH`, `OUT_PATHS` and the environment of
        `nix-daemon`; each has an hour. If one fails, Nix ends the build with an error, and what was
        built stays. One that others than root could have written is not run.
      '';
    };

    machineKeyFile = mkOption {
      type = secretKeyFile;
      default = null;
      example = "/run/secrets/nixsig-machine-key";
      description = ''
        File with the secret key by which this machine signs what it built, as `nixsig keygen` makes
        it. systemd reads it as root (`LoadCredential`), through links as well, and it is copied to
        `/var/lib/nixsig` at the first start. Until it is there, a machine without a key waits for
        it. A machine that already has another key goes on with that one, and says so with both
        fingerprints: see `retiredKeys`.
      '';
    };

    gate.keyFile = mkOption {
      type = secretKeyFile;
      default = null;
      example = "/run/secrets/nixsig-gate-key";
      description = ''
        File with the secret key by which the gate signs what it allows, copied in the same way. The
        gates of a fleet share it. Nix is configured to trust its public half.
      '';
    };

    gate.openFirewall = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Open the port of `gate.listen` in the firewall, so that other machines can ask the gate.
      '';
    };

    retiredKeys = mkOption {
      type = types.listOf publicKey;
      default = [ ];
      example = [ "box-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU=" ];
      description = ''
        Public keys of this machine or its gate that shall no longer be in use. Where one is, the key
        in `machineKeyFile` or `gate.keyFile` takes its place, or a new one if no file is given.
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
              description = "Its address.";
            };
            publicKeys = mkOption {
              type = types.nonEmptyListOf publicKey;
              example = [ "fleet-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw=" ];
              description = ''
                The keys by which it signs what it allows: one, or while the key is replaced, the old
                and the new one.
              '';
            };
          };
        }
      );
      default = null;
      example = {
        url = "https://cache.example.org";
        publicKeys = [ "fleet-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw=" ];
      };
      description = ''
        A gate of the fleet from which this machine takes its binaries, instead of running its own.
        The machine then believes that gate about what comes from caches. The plugin knows only what
        was judged here, so it has to be left out. What is built here is judged here:
        `require.output` has to accept those whom the gate trusts: it passes on their signatures.
      '';
    };

    audit = {
      enable = mkOption {
        type = types.bool;
        default = true;
        example = false;
        description = ''
          Regularly fetch what the attestation sources publish and what is new in lists, try every door of the
          machine, and judge the running system by the current policy and evidence. If anything is found,
          `nixsig-audit.service` fails, and its journal says what.
        '';
      };

      startAt = mkOption {
        type = types.nonEmptyStr;
        default = "daily";
        example = "Mon *-*-* 04:00";
        description = "When to do so, in the format of systemd.time(7).";
      };

      report = {
        enable = mkOption {
          type = types.bool;
          default = false;
          example = true;
          description = ''
            Regularly write down on whose word the running system stands, as `nixsig audit` tells it: what changed
            since the last time is in the journal of `nixsig-report.service`, which fails on what `failOn` names.
          '';
        };

        startAt = mkOption {
          type = types.nonEmptyStr;
          default = "Mon *-*-* 05:00";
          example = "daily";
          description = "When to do so, in the format of systemd.time(7).";
        };

        failOn = mkOption {
          type = types.listOf (
            types.enum [
              "refused"
              "undecided"
              "new-refused"
              "ends"
              "exempt"
              "let-in"
              "differing"
              "unregistered"
              "missing"
            ]
          );
          default = [
            "new-refused"
            "undecided"
          ];
          example = [
            "refused"
            "ends"
          ];
          description = ''
            On what the service fails, in the words of `nixsig audit --fail-on`; `OnFailure=` of the service can send a
            mail then. `differing` reads the contents. The first time nothing is `new-refused`.
          '';
        };

        contents = mkOption {
          type = types.bool;
          default = false;
          example = true;
          description = "Whether to read the contents of all paths and compare them with what the store registered.";
        };

        to = mkOption {
          type = types.strMatching "/[0-9A-Za-z._/+@-]*";
          default = "/var/lib/nixsig/reports";
          example = "/srv/audits";
          description = ''
            The directory that has the last audit as JSON, in a file with the name of the machine. `nixsig fleet report`
            puts those of many machines together.
          '';
        };

        metricsFile = mkOption {
          type = types.nullOr (types.strMatching "/[0-9A-Za-z._/+@-]*");
          default = "/var/lib/nixsig/audit.prom";
          example = "/var/lib/prometheus-node-exporter-text-files/nixsig.prom";
          description = ''
            The file with its numbers for Prometheus; null: none. The gate of the machine serves what is in the default
            one. Its directory has to be there.
          '';
        };
      };
    };

    preSwitchCheck = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Refuse to switch to a system if anything in it is not trusted by the policy in force; the
        first time, by the new system's own policy. While the policy only warns, this is reported
        but allowed. `NIXOS_NO_CHECK=1` skips this check and all others of its kind.
      '';
    };
  };
}
