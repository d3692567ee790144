# A configuration that comes from signed expressions: its derivation has to be approved, and
# nixos-rebuild-verified verifies its commit and its lock before Nix evaluates them.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.security.nixsig;
  own = cfg.expressions;
  inherit (lib) literalExpression mkEnableOption mkOption types;
  inherit (lib) escapeShellArg;

  nixsig = "${cfg.package}/bin/nixsig";
  named = lib.optionalString (own.url != null) "--url ${escapeShellArg own.url}";
  system = "nixosConfigurations.${own.configuration}.config.system.build.toplevel";

  # The flake's inputs have to be in the store before they are evaluated. Their hashes are compared
  # again.
  approve = ''
    ${config.nix.package}/bin/nix --extra-experimental-features "nix-command flakes" \
      flake archive --no-update-lock-file ${escapeShellArg own.flake}
    ${nixsig} approve ${escapeShellArg "${own.flake}#${system}"} ${named} --here $yes
  '';

  rebuild = pkgs.writeShellScriptBin "nixos-rebuild-verified" ''
    set -eu
    yes=
    if [ "''${1-}" = --yes ]; then
      yes=--yes
      shift
    fi
    if [ "$#" = 0 ]; then
      echo "usage: nixos-rebuild-verified [--yes] switch|boot|test|build [OPTION OF nixos-rebuild]..." >&2
      exit 2
    fi
    ${nixsig} lock verify ${escapeShellArg own.flake} ${named}
    ${lib.optionalString own.approveHere approve}
    exec nixos-rebuild "$@" --flake ${escapeShellArg "${own.flake}#${own.configuration}"} --no-update-lock-file
  '';
in
{
  options.security.nixsig.expressions = {
    enable = mkEnableOption ''
      the approval of this machine's configuration: its derivation is built only if it was approved
      (`approvals.by`), and the command `nixos-rebuild-verified` verifies who signed the commit of
      the configuration's flake, and everything that its lock pins, before it runs `nixos-rebuild`'';

    flake = mkOption {
      type = types.strMatching "/[^#?[:space:]]*" // {
        description = "absolute path, in quotes, of a directory";
      };
      default = "/etc/nixos";
      example = "/srv/configuration";
      description = "The git repository that has the configuration's flake at its top.";
    };

    url = mkOption {
      type = types.nullOr (
        types.strMatching "[a-z][a-z0-9+.-]*:[^[:space:]]+" // {
          description = "address with its scheme";
        }
      );
      default = null;
      example = "https://git.example.org/box";
      description = ''
        The URL by which `inputs` names that repository; `file://` and its directory if it is null.
      '';
    };

    configuration = mkOption {
      type = types.strMatching "[A-Za-z0-9_-]+" // {
        description = "name of a NixOS configuration";
      };
      default = config.networking.hostName;
      defaultText = literalExpression "config.networking.hostName";
      example = "box";
      description = "Which of the flake's `nixosConfigurations` this machine is.";
    };

    approveHere = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether `nixos-rebuild-verified` also approves the configuration on this machine, for a policy
        in which `"self"` is an approver. Otherwise the approval has to come from others.
      '';
    };
  };

  config = lib.mkIf (cfg.enable && own.enable) {
    environment.systemPackages = [ rebuild ];

    # All of the system is in the graph of this derivation. The hooks refuse to build it unless it
    # was approved, whoever calls nixos-rebuild.
    security.nixsig.rules = lib.mkBefore [
      {
        name = "the configuration of this machine";
        match = {
          name = "nixos-system*";
          kind = "derivation";
        };
        require.derivation = "approved";
      }
    ];
  };
}
