# nix.conf, as NixOS writes it, and nix-daemon.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib) mkOption types;
  cfg = config.nix;

  atom = types.nullOr (
    types.oneOf [
      types.bool
      types.int
      types.float
      types.str
      types.path
      types.package
    ]
  );

  strings =
    default:
    mkOption (
      {
        type = types.listOf types.str;
        description = "A list of nix.conf.";
      }
      // default
    );

  print =
    value:
    if builtins.isBool value then
      lib.boolToString value
    else
      toString value;

  lines = lib.mapAttrsToList (name: value: "${name} = ${print value}\n");
  isExtra = name: _: lib.hasPrefix "extra-" name;
in
{
  options.nix = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether there is Nix.";
    };
    package = mkOption {
      type = types.package;
      default = pkgs.nix;
      description = "Which Nix.";
    };
    distributedBuilds = mkOption {
      type = types.bool;
      default = false;
      description = "Whether remote builders are used.";
    };
    buildMachines = mkOption {
      type = types.listOf types.attrs;
      default = [ ];
      description = "Remote builders.";
    };
    extraOptions = mkOption {
      type = types.lines;
      default = "";
      description = "Lines at the end of nix.conf.";
    };
    settings = mkOption {
      type = types.submodule {
        freeformType = types.attrsOf (types.either atom (types.listOf atom));
        options = {
          max-jobs = mkOption {
            type = types.either types.int (types.enum [ "auto" ]);
            default = "auto";
            description = "Builds at once.";
          };
          cores = mkOption {
            type = types.int;
            default = 0;
            description = "Cores of each.";
          };
          sandbox = mkOption {
            type = types.either types.bool (types.enum [ "relaxed" ]);
            default = true;
            description = "Whether builds are shut in.";
          };
          require-sigs = mkOption {
            type = types.bool;
            default = true;
            description = "Whether caches have to sign.";
          };
          extra-sandbox-paths = strings { default = [ ]; };
          substituters = strings { };
          trusted-substituters = strings { default = [ ]; };
          trusted-public-keys = strings { };
          trusted-users = strings { };
          allowed-users = strings { default = [ "*" ]; };
        };
      };
      default = { };
      description = "nix.conf.";
    };
  };

  config = lib.mkIf cfg.enable {
    nix.settings = {
      trusted-public-keys = [ "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ];
      trusted-users = [ "root" ];
      substituters = lib.mkAfter [ "https://cache.nixos.org/" ];
      sandbox-fallback = false;
    };

    # Additions come after what they add to.
    environment.etc."nix/nix.conf".text =
      "# Made of the options nix.*\n"
      + lib.concatStrings (
        lines (lib.filterAttrs (name: value: !isExtra name value) cfg.settings)
        ++ lines (lib.filterAttrs isExtra cfg.settings)
      )
      + cfg.extraOptions;

    environment.systemPackages = [ cfg.package ];

    systemd.sockets.nix-daemon = {
      description = "Nix Daemon Socket";
      wantedBy = [ "sockets.target" ];
      socketConfig.ListenStream = "/nix/var/nix/daemon-socket/socket";
    };
    systemd.services.nix-daemon = {
      description = "Nix Daemon";
      serviceConfig = {
        ExecStart = "${cfg.package}/bin/nix-daemon --daemon";
        KillMode = "process";
        LimitNOFILE = 1048576;
      };
    };
  };
}
