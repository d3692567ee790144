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

  atom =
    types.nullOr (
      types.oneOf [
        types.bool
        types.int
        types.float
        types.str
        types.path
        types.package
      ]
    )
    // {
      description = "Nix config atom (null, bool, int, float, str, path or package)";
    };

  strings =
    default:
    mkOption (
      {
        type = types.listOf types.str;
        description = "A list of nix.conf.";
      }
      // default
    );

  print = value: if builtins.isBool value then lib.boolToString value else toString value;

  lines = settings: lib.concatLines (lib.mapAttrsToList (name: value: "${name} = ${print value}") settings);
  isExtra = name: _: lib.hasPrefix "extra-" name;

  # Nix itself reads the file when the system is built, plugins and all; what it complains of is not built.
  conf = pkgs.writeTextFile {
    name = "nix.conf";
    # Additions come after what they add to.
    text =
      "# Made of the options nix.*\n"
      + lines (lib.filterAttrs (name: value: !isExtra name value) cfg.settings)
      + lines (lib.filterAttrs isExtra cfg.settings)
      + cfg.extraOptions;
    checkPhase = lib.optionalString cfg.checkConfig ''
      case $(${cfg.package}/bin/nix --version) in
        *" 2.8."* | *" 2.9."* | *" 2.1"?.*) show=show-config ;;
        *) show="config show" ;;
      esac
      ln -s $out nix.conf
      status=0
      export NIX_CONF_DIR=$PWD
      said=$(${cfg.package}/bin/nix $show --offline --option experimental-features nix-command 2>&1 >shown) || status=$?
      case $status:$(echo "$said" | sed 's/^warning:/error:/') in
        *"error: ${lib.optionalString (!cfg.checkAllErrors) "unknown setting"}"* | [1-9]*)
          echo "nix.conf is not as Nix would have it: $said" >&2
          exit 1
          ;;
      esac
    '';
  };
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
    checkConfig = mkOption {
      type = types.bool;
      default = true;
      description = "Whether Nix has to be able to read its nix.conf.";
    };
    checkAllErrors = mkOption {
      type = types.bool;
      default = true;
      description = "Whether it may not complain of anything else either.";
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
          auto-optimise-store = mkOption {
            type = types.bool;
            default = false;
            description = "Whether equal files are one.";
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
          system-features = strings { };
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
      builders = lib.mkIf (!cfg.distributedBuilds) null;
      system-features = lib.mkDefault [
        "nixos-test"
        "benchmark"
        "big-parallel"
        "kvm"
      ];
    };

    environment.etc."nix/nix.conf".source = conf;

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
