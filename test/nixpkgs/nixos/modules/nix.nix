# nix.conf, as NixOS writes it, and nix-daemon.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.nix;

  atom =
    lib.types.nullOr (
      lib.types.oneOf [
        lib.types.bool
        lib.types.int
        lib.types.float
        lib.types.str
        lib.types.path
        lib.types.package
      ]
    )
    // {
      description = "Nix config atom (null, bool, int, float, str, path or package)";
    };

  option = type: default: lib.mkOption { inherit type default; };
  strings = lib.mkOption { type = lib.types.listOf lib.types.str; };

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
    enable = option lib.types.bool true;
    package = option lib.types.package pkgs.nix;
    distributedBuilds = option lib.types.bool false;
    buildMachines = option (lib.types.listOf lib.types.attrs) [ ];
    # Whether Nix has to be able to read its nix.conf, and may not complain of anything else either.
    checkConfig = option lib.types.bool true;
    checkAllErrors = option lib.types.bool true;
    extraOptions = option lib.types.lines "";
    settings = option (lib.types.submodule {
      freeformType = lib.types.attrsOf (lib.types.either atom (lib.types.listOf atom));
      options = {
        max-jobs = option (lib.types.either lib.types.int (lib.types.enum [ "auto" ])) "auto";
        auto-optimise-store = option lib.types.bool false;
        cores = option lib.types.int 0;
        sandbox = option (lib.types.either lib.types.bool (lib.types.enum [ "relaxed" ])) true;
        require-sigs = option lib.types.bool true;
        extra-sandbox-paths = option (lib.types.listOf lib.types.str) [ ];
        substituters = strings;
        trusted-substituters = option (lib.types.listOf lib.types.str) [ ];
        trusted-public-keys = strings;
        trusted-users = strings;
        system-features = strings;
        allowed-users = option (lib.types.listOf lib.types.str) [ "*" ];
      };
    }) { };
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
      restartTriggers = [ conf ];
      stopIfChanged = false;
      serviceConfig = {
        ExecStart = "${cfg.package}/bin/nix-daemon --daemon";
        KillMode = "process";
        LimitNOFILE = 1048576;
      };
    };
  };
}
