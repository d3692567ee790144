# The report on the running system: `nixsig-report.service` writes down what `nixsig audit` finds, and
# what changed since the last time.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.security.nixsig;
  inherit (cfg.audit) report;
  hardening = import ./hardening.nix;
  state = "/var/lib/nixsig";

  isInState = file: file == state || lib.hasPrefix "${state}/" file;

  failing = names: lib.optionalString (names != [ ]) " --fail-on ${lib.concatStringsSep "," names}";

  options =
    lib.optionalString (report.contents || lib.elem "differing" report.failOn) " --contents"
    + lib.optionalString (report.metricsFile != null) " --metrics ${report.metricsFile}";

  # $1: the file of the last audit. The first time there is none to compare with.
  script = pkgs.writeShellScript "nixsig-report" ''
    if [ -e "$1" ]; then
      exec ${cfg.package}/bin/nixsig audit --since "$1" --out "$1"${failing report.failOn}${options}
    fi
    exec ${cfg.package}/bin/nixsig audit --out "$1"${failing (lib.filter (name: name != "new-refused") report.failOn)}${options}
  '';

  # The state directory is writable as it is.
  writable = lib.filter (directory: !isInState directory) (
    [ report.to ] ++ lib.optional (report.metricsFile != null) (dirOf report.metricsFile)
  );
in
{
  config = lib.mkIf (cfg.enable && report.enable) {
    systemd.tmpfiles.rules = [ "d ${report.to} 0750 root root -" ];

    systemd.services.nixsig-report = {
      description = "On whose word the running system stands, told by nixsig";
      after = [
        "nixsig-audit.service"
        "nixsig.service"
      ];
      serviceConfig =
        hardening
        // {
          Type = "oneshot";
          ExecStart = "${script} ${report.to}/%H.json";
          # Reading a whole system gives way to everything else.
          Nice = 10;
          IOSchedulingClass = "idle";
          PrivateNetwork = true;
          RestrictAddressFamilies = "AF_UNIX";
          # Others may read what it writes only where the directory lets them.
          UMask = "0022";
        }
        // lib.optionalAttrs (writable != [ ]) { ReadWritePaths = writable; };
    };

    systemd.timers.nixsig-report = {
      description = "When nixsig tells on whose word the running system stands";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnCalendar = report.startAt;
        Persistent = true;
        RandomizedDelaySec = "30min";
      };
    };
  };
}
