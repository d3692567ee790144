# The system as one store path: what is in /etc, the programs, and how to switch to it.
{
  config,
  lib,
  nixosRelease,
  pkgs,
  ...
}:

let
  etc = lib.mapAttrsToList (
    name: { source, ... }: "mkdir -p \"$(dirname $out/${name})\"; ln -s ${source} $out/${name}\n"
  ) config.environment.etc;

  checks = lib.mapAttrsToList (name: text: ''
    (
      ${text}
    )
    if [ $? != 0 ]; then
      echo "Pre-switch check '${name}' failed"
      exit 1
    fi
  '') (config.system.preSwitchChecks or { });

  # What switch-to-configuration of NixOS does to a machine, as far as it matters here. A service
  # that changed is stopped, with its socket, before anything else changes, and started afterwards;
  # or, with X-StopIfChanged=false, restarted. A unit of which only X-Reload-Triggers changed is
  # reloaded. Sockets that changed are left alone.
  switch = ''
    toplevel=$(dirname "$(dirname "$(readlink -f "$0")")")
    action=$1
    [ -n "''${NIXOS_NO_CHECK-}" ] || "$toplevel/pre-switch-checks" "$toplevel" "$action" || exit 1
    [ "$action" = switch ] || [ "$action" = test ] || exit 0

    before=$(readlink -f /run/current-system/etc/systemd/system)
    units=$toplevel/etc/systemd/system
    stop= start= restart= reload=
    for unit in $(cd "$units" && ls | grep '[.]service$'); do
      [ -e "$before/$unit" ] && systemctl is-active --quiet "$unit" || continue
      cmp --silent "$before/$unit" "$units/$unit" && continue
      if [ "$(grep -v ^X-Reload-Triggers= "$before/$unit")" = "$(grep -v ^X-Reload-Triggers= "$units/$unit")" ]; then
        reload="$reload $unit"
      elif grep -q '^X-StopIfChanged=false$' "$units/$unit"; then
        restart="$restart $unit"
      else
        stop="$stop $unit"
        start="$start $unit"
        socket=''${unit%.service}.socket
        systemctl is-active --quiet "$socket" && stop="$stop $socket" start="$start $socket"
      fi
    done
    [ -z "$stop" ] || systemctl stop $stop

    cd "$toplevel/etc" || exit 1
    find . ! -type d | while read -r file; do
      mkdir -p "/etc/$(dirname "$file")"
      # What did not change is not touched. A unit is called as its file is.
      case $file in
        ./systemd/*) target=$toplevel/etc/$file ;;
        *) target=$(readlink -f "$toplevel/etc/$file") ;;
      esac
      [ "$(readlink "/etc/$file")" = "$target" ] || ln -sfn "$target" "/etc/$file"
    done
    ln -sfn "$toplevel" /run/current-system
    systemd-tmpfiles --create /etc/tmpfiles.d/00-nixos.conf
    systemctl daemon-reload
    # Its socket first: while the service runs, a socket is not started. Tests switch more often
    # within ten seconds than systemd starts a unit.
    systemctl stop nix-daemon.service nix-daemon.socket
    systemctl reset-failed nix-daemon.service nix-daemon.socket
    systemctl start nix-daemon.socket
    [ -z "$reload" ] || systemctl reload $reload
    [ -z "$restart" ] || systemctl restart $restart
    systemctl start $start $(cd "$units" && ls -d *.wants/* | sed 's,.*/,,' | sort -u)
  '';

  failed = map ({ message, ... }: message) (
    lib.filter ({ assertion, ... }: !assertion) config.assertions
  );

  toplevel = pkgs.runCommand "nixos-system" { } ''
    mkdir -p $out/bin $out/sw/bin
    ln -s ${pkgs.runCommand "etc" { } "mkdir $out\n${lib.concatStrings etc}"} $out/etc
    ln -s ${pkgs.writeShellScript "pre-switch-checks" (lib.concatStrings checks)} $out/pre-switch-checks
    cp ${pkgs.writeShellScript "switch-to-configuration" switch} $out/bin/switch-to-configuration
    for package in ${toString config.environment.systemPackages}; do
      ln -sf $package/bin/* $out/sw/bin/
    done
  '';
in
{
  options.networking.hostName = lib.mkOption {
    type = lib.types.strMatching "$|^[[:alnum:]]([[:alnum:]_-]{0,61}[[:alnum:]])?$";
    default = "nixos";
  };

  options.system = lib.optionalAttrs (lib.versionAtLeast nixosRelease "25.05") {
    preSwitchChecks = lib.mkOption {
      type = lib.types.attrsOf lib.types.str;
      default = { };
    };
  }
  // {
    build.toplevel = lib.mkOption {
      type = lib.types.package;
      readOnly = true;
    };
  };

  config.system.build.toplevel =
    if failed != [ ] then
      throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (message: "- ${message}") failed}"
    else
      lib.foldl' (system: warning: builtins.trace "warning: ${warning}" system) toplevel config.warnings;
}
