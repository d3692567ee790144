# The systemd units: the machine's keys, the gate behind its sockets, and periodic tasks.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.security.nixsig;
  nixsig = "${cfg.package}/bin/nixsig";
  hardening = import ./hardening.nix;
  inherit (import ./parts.nix { inherit config lib; }) evidence hasOwnGate keyConf;

  doctorOptions = lib.optionalString (cfg.gate.fleet != null) (
    lib.escapeShellArgs (
      [
        "--gate"
        cfg.gate.fleet.url
      ]
      ++ lib.concatMap (key: [
        "--gate-key"
        key
      ]) cfg.gate.fleet.publicKeys
    )
  );

  keyOptions =
    lib.optionals (cfg.machineKeyFile != null) [
      "--machine-key"
      cfg.machineKeyFile
    ]
    ++ lib.optionals (cfg.gate.keyFile != null) [
      "--gate-key"
      cfg.gate.keyFile
    ];
in
{
  config = lib.mkIf cfg.enable {
    environment.systemPackages = [
      cfg.package
      # The program with which nixsig checks developers' OpenPGP signatures.
      pkgs.sequoia-sqv
      pkgs.git
    ];

    systemd.tmpfiles.rules = lib.optional (
      lib.elem evidence cfg.attestations.directories
    ) "d ${evidence} 0755 root root -";

    systemd.services.nixsig-keys = {
      description = "Keys of this machine for nixsig";
      wantedBy = [ "multi-user.target" ];
      before = [ "nix-daemon.service" ];
      serviceConfig =
        hardening
        // {
          Type = "oneshot";
          RemainAfterExit = true;
          ExecStart = lib.escapeShellArgs (
            [
              nixsig
              "machine-keys"
              "--nix-conf"
              keyConf
            ]
            ++ keyOptions
          );
          PrivateNetwork = true;
          RestrictAddressFamilies = "none";
        };
    };

    # systemd holds both sockets: clients wait while the gate restarts, and no other process can
    # take them.
    systemd.sockets.nixsig = lib.mkIf hasOwnGate {
      description = "Trust gate for Nix: what Nix asks";
      wantedBy = [ "sockets.target" ];
      socketConfig = {
        ListenStream = cfg.gate.listen;
        FileDescriptorName = "http";
        Service = "nixsig.service";
      };
    };

    systemd.sockets.nixsig-judge = {
      description = "Trust gate for Nix: what hooks and plugin ask";
      wantedBy = [ "sockets.target" ];
      socketConfig = {
        ListenStream = "/run/nixsig/socket";
        SocketMode = "0600";
        DirectoryMode = "0755";
        FileDescriptorName = "judge";
        Service = "nixsig.service";
      };
    };

    systemd.services.nixsig = {
      description = "Trust gate for Nix";
      wantedBy = [ "multi-user.target" ];
      requires = [
        "nixsig-keys.service"
        "nixsig-judge.socket"
      ]
      ++ lib.optional hasOwnGate "nixsig.socket";
      after = [ "nixsig-keys.service" ];
      before = [ "nix-daemon.service" ];
      # Restarted however often it ends: without it nothing comes in.
      unitConfig.StartLimitIntervalSec = 0;
      environment.NODE_EXTRA_CA_CERTS = "/etc/ssl/certs/ca-certificates.crt";
      serviceConfig =
        hardening
        // {
          Type = "notify";
          NotifyAccess = "all";
          ExecStart = "${nixsig} serve --quarantine by-hooks --log-format json";
          ExecReload = "${nixsig} reload";
          WatchdogSec = 60;
          Restart = "always";
          RestartSec = 1;
          LimitNOFILE = 16384;
          RuntimeDirectory = "nixsig";
          RuntimeDirectoryMode = "0755";
          # The socket in it belongs to systemd and outlives the service.
          RuntimeDirectoryPreserve = true;
          # The gate asks the kernel for the user of a local connection; in a user namespace all
          # users except root look the same.
          PrivateUsers = false;
          # The gate's HTTP process lowers its own priority.
          SystemCallFilter = hardening.SystemCallFilter ++ [ "setpriority" ];
        };
    };

    # The daemon reads nix.conf, with the gate's key, when it starts.
    systemd.services.nix-daemon = {
      wants = [ "nixsig-keys.service" ];
      after = [ "nixsig-keys.service" ];
    };

    systemd.services.nixsig-audit = lib.mkIf cfg.audit.enable {
      description = "What nixsig looks after from time to time";
      after = [ "nixsig.service" ];
      # In a sandbox, the doctor would not see the real machine.
      serviceConfig = {
        Type = "oneshot";
        ExecStart = lib.getExe (
          pkgs.writeShellScriptBin "nixsig-audit" ''
            status=0
            ${nixsig} sync || status=1
            ${nixsig} doctor --quiet ${doctorOptions} || status=1
            ${nixsig} verify --recursive --quiet --by-mode /run/current-system || status=1
            exit $status
          ''
        );
      };
    };

    systemd.timers.nixsig-audit = lib.mkIf cfg.audit.enable {
      description = "What nixsig looks after from time to time";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnCalendar = cfg.audit.startAt;
        Persistent = true;
        RandomizedDelaySec = "30min";
      };
    };
  };
}
