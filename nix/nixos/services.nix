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

  # Secrets come as systemd's credentials: it follows links, reads as root what nobody else may, and
  # gives a copy in memory. "none" stands for a secret that is not there (yet); nixsig says so.
  keyFiles =
    lib.optionalAttrs (cfg.machineKeyFile != null) { machine-key = cfg.machineKeyFile; }
    // lib.optionalAttrs (cfg.gate.keyFile != null) { gate-key = cfg.gate.keyFile; };

  keyOptions =
    lib.concatMap (name: [
      "--${name}"
      "%d/${name}"
    ]) (lib.attrNames keyFiles)
    ++ lib.concatMap (key: [
      "--retired"
      key
    ]) cfg.retiredKeys;

  port = lib.toInt (lib.last (lib.splitString ":" cfg.gate.listen));
in
{
  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];

    networking.firewall.allowedTCPPorts = lib.mkIf (hasOwnGate && cfg.gate.openFirewall) [ port ];

    systemd.tmpfiles.rules = lib.optional (
      lib.elem evidence cfg.attestations.directories
    ) "d ${evidence} 0755 root root -";

    systemd.services.nixsig-keys = {
      description = "Keys of this machine for nixsig";
      wantedBy = [ "multi-user.target" ];
      # Where sops-nix and agenix put secrets by a unit.
      after = [
        "sops-install-secrets.service"
        "agenix-install-secrets.service"
      ];
      before = [ "nix-daemon.service" ];
      # The gate waits for it, also where its secret was late.
      wants = [ "nixsig.service" ];
      stopIfChanged = false;
      unitConfig.StartLimitIntervalSec = 0;
      serviceConfig =
        hardening
        // {
          Type = "oneshot";
          RemainAfterExit = true;
          # It waits for a secret that is not there yet.
          Restart = "on-failure";
          RestartSec = 5;
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
        }
        // lib.optionalAttrs (keyFiles != { }) {
          LoadCredential = lib.mapAttrsToList (name: file: "${name}:${file}") keyFiles;
          SetCredential = map (name: "${name}:none") (lib.attrNames keyFiles);
        };
    };

    # systemd holds the sockets: clients wait while the gate restarts, and no other process can
    # take them.
    systemd.sockets.nixsig = lib.mkIf hasOwnGate {
      description = "Trust gate for Nix: what Nix asks";
      wantedBy = [ "sockets.target" ];
      socketConfig = {
        ListenStream = cfg.gate.listen;
        # The address may come later than the socket, as by DHCP.
        FreeBind = true;
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

    systemd.sockets.nixsig-ask = {
      description = "Trust gate for Nix: what every user may ask";
      wantedBy = [ "sockets.target" ];
      socketConfig = {
        ListenStream = "/run/nixsig/ask";
        SocketMode = "0666";
        DirectoryMode = "0755";
        FileDescriptorName = "ask";
        Service = "nixsig.service";
      };
    };

    systemd.services.nixsig = {
      description = "Trust gate for Nix";
      wantedBy = [ "multi-user.target" ];
      requires = [
        "nixsig-keys.service"
        "nixsig-judge.socket"
        "nixsig-ask.socket"
      ]
      ++ lib.optional hasOwnGate "nixsig.socket";
      after = [ "nixsig-keys.service" ];
      before = [ "nix-daemon.service" ];
      # In a switch it is restarted in place, so that its sockets stay open: nobody else takes them.
      stopIfChanged = false;
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
          # The sockets in it belong to systemd and outlive the service.
          RuntimeDirectoryPreserve = true;
          # The gate asks the kernel for the user of a local connection; in a user namespace all
          # users except root look the same.
          PrivateUsers = false;
          # Whoever asks at /run/nixsig/ask shows who it is in /proc.
          ProtectProc = "default";
          # The gate's HTTP process lowers its own priority.
          SystemCallFilter = hardening.SystemCallFilter ++ [ "setpriority" ];
        }
        // lib.optionalAttrs (cfg.decisions.checkpointsTo != null) {
          # It may be a mount that is not there at the moment.
          ReadWritePaths = [ "-${cfg.decisions.checkpointsTo}" ];
        };
    };

    # A switch does not touch sockets. Reloading this unit, which it does when the address changes,
    # has the gate listen there.
    systemd.services.nixsig-address = lib.mkIf hasOwnGate {
      description = "Address of the trust gate for Nix";
      wantedBy = [ "multi-user.target" ];
      after = [ "nixsig.socket" ];
      reloadTriggers = [ cfg.gate.listen ];
      serviceConfig =
        hardening
        // {
          Type = "oneshot";
          RemainAfterExit = true;
          ExecStart = "${pkgs.coreutils}/bin/true";
          ExecReload = "${config.systemd.package or pkgs.systemd}/bin/systemctl restart nixsig.socket nixsig.service";
          PrivateNetwork = true;
          RestrictAddressFamilies = "AF_UNIX";
        };
    };

    # The daemon reads nix.conf, with the gate's key, when it starts: it starts anew, and afterwards,
    # whenever the keys may have changed.
    systemd.services.nix-daemon = {
      wants = [ "nixsig-keys.service" ];
      after = [ "nixsig-keys.service" ];
      partOf = [ "nixsig-keys.service" ];
    };
  };
}
