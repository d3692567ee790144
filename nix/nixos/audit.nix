# What nixsig looks after from time to time. `nixsig-audit.service` judges the running system, after
# others: two fetch from the network, what is published and what lists say; one tries the doors of
# the machine.
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
  inherit (import ./parts.nix { inherit config lib; }) hasOwnGate;

  gateOptions = lib.optionals (cfg.gate.fleet != null) (
    [
      "--gate"
      cfg.gate.fleet.url
    ]
    ++ lib.concatMap (key: [
      "--gate-key"
      key
    ]) cfg.gate.fleet.publicKeys
  );

  hasLists = cfg.lists != { };

  # A service that fetches something from the network, and ends.
  fetching =
    {
      description,
      after ? [ ],
      serviceConfig,
    }:
    {
      inherit description;
      after = [ "nixsig-keys.service" ] ++ after ++ [ "network-online.target" ];
      wants = [ "network-online.target" ];
      environment.NODE_EXTRA_CA_CERTS = "/etc/ssl/certs/ca-certificates.crt";
      serviceConfig = hardening // { Type = "oneshot"; } // serviceConfig;
    };

  address = lib.head (builtins.match "(.*):[0-9]+" cfg.gate.listen);
in
{
  config = lib.mkIf (cfg.enable && cfg.audit.enable) {
    systemd.services.nixsig-sync = fetching {
      description = "What others publish, for nixsig";
      serviceConfig.ExecStart = "${nixsig} sync";
    };

    systemd.services.nixsig-lists = lib.mkIf hasLists (fetching {
      description = "What is new in lists of keys, for nixsig";
      after = [ "nixsig.service" ];
      serviceConfig = {
        ExecStart = "${nixsig} trust update";
        # Something waits for somebody to agree to it.
        SuccessExitStatus = 12;
      };
    });

    systemd.services.nixsig-doctor = {
      description = "Doors of this machine, tried by nixsig";
      after = [
        "nixsig-sync.service"
        "nixsig.service"
      ]
      ++ lib.optional hasLists "nixsig-lists.service";
      serviceConfig =
        import ./doctor-hardening.nix
        // {
          Type = "oneshot";
          ExecStart = lib.escapeShellArgs (
            [
              nixsig
              "doctor"
              "--quiet"
            ]
            ++ gateOptions
          );
        }
        // lib.optionalAttrs hasOwnGate {
          IPAddressDeny = "any";
          IPAddressAllow = [ "localhost" ] ++ lib.optional (address != "0.0.0.0" && address != "[::]") (
            lib.replaceStrings [ "[" "]" ] [ "" "" ] address
          );
        };
    };

    systemd.services.nixsig-audit = {
      description = "The running system, judged by nixsig";
      wants = [
        "nixsig-sync.service"
        "nixsig-doctor.service"
      ]
      ++ lib.optional hasLists "nixsig-lists.service";
      after = [
        "nixsig-sync.service"
        "nixsig-doctor.service"
        "nixsig.service"
      ]
      ++ lib.optional hasLists "nixsig-lists.service";
      serviceConfig = hardening // {
        Type = "oneshot";
        ExecStart = "${nixsig} verify --recursive --quiet --by-mode /run/current-system";
        # What others publish was fetched just before.
        PrivateNetwork = true;
        RestrictAddressFamilies = "AF_UNIX";
      };
    };

    systemd.timers.nixsig-audit = {
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
