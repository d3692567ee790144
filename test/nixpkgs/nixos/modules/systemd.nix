# Units of systemd, printed as NixOS prints them: no [Install] section, but links where a unit is wanted.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib) mkOption types;

  values = mkOption {
    type = types.attrsOf types.unspecified;
    default = { };
    description = "Lines of this section.";
  };

  units = mkOption {
    type = types.listOf types.str;
    default = [ ];
    description = "Other units.";
  };

  relations = {
    after = "After";
    before = "Before";
    requires = "Requires";
    wants = "Wants";
  };

  unitOptions = {
    description = mkOption {
      type = types.str;
      default = "";
      description = "What it is.";
    };
    unitConfig = values;
    wantedBy = units;
    requiredBy = units;
  }
  // lib.mapAttrs (_: _: units) relations;

  declare =
    more:
    mkOption {
      type = types.attrsOf (types.submodule { options = unitOptions // more; });
      default = { };
      description = "Units of this kind.";
    };

  print = value: if builtins.isBool value then lib.boolToString value else toString value;

  section =
    name: set:
    "[${name}]\n"
    + lib.concatStrings (
      lib.concatLists (
        lib.mapAttrsToList (key: value: map (one: "${key}=${print one}\n") (lib.toList value)) set
      )
    );

  common =
    unit:
    section "Unit" (
      lib.optionalAttrs (unit.description != "") { Description = unit.description; }
      // lib.mapAttrs' (name: key: lib.nameValuePair key (lib.concatStringsSep " " unit.${name})) (
        lib.filterAttrs (name: _: unit.${name} != [ ]) relations
      )
      // unit.unitConfig
    );

  environment = unit: lib.mapAttrsToList (name: value: "\"${name}=${value}\"") unit.environment;

  texts = {
    service =
      unit:
      common unit
      + "\n"
      + section "Service" (
        lib.optionalAttrs (unit.environment != { }) { Environment = environment unit; } // unit.serviceConfig
      );
    socket = unit: common unit + "\n" + section "Socket" unit.socketConfig;
    timer = unit: common unit + "\n" + section "Timer" unit.timerConfig;
  };

  all = lib.concatLists (
    lib.mapAttrsToList (
      kind: text:
      lib.mapAttrsToList (name: unit: {
        name = "${name}.${kind}";
        inherit unit;
        file = pkgs.writeText "unit-${name}.${kind}" (text unit);
      }) config.systemd."${kind}s"
    ) texts
  );

  linksOf =
    { name, unit, file }:
    [ (lib.nameValuePair "systemd/system/${name}" { source = file; }) ]
    ++ map (target: lib.nameValuePair "systemd/system/${target}.wants/${name}" { source = file; }) unit.wantedBy
    ++ map (
      target: lib.nameValuePair "systemd/system/${target}.requires/${name}" { source = file; }
    ) unit.requiredBy;
in
{
  options.systemd = {
    services = declare {
      serviceConfig = values;
      environment = mkOption {
        type = types.attrsOf types.str;
        default = { };
        description = "Environment of its processes.";
      };
    };
    sockets = declare { socketConfig = values; };
    timers = declare { timerConfig = values; };
    tmpfiles.rules = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Lines of tmpfiles.d(5).";
    };
  };

  config.environment.etc = builtins.listToAttrs (lib.concatMap linksOf all) // {
    "tmpfiles.d/00-nixos.conf".text = lib.concatLines config.systemd.tmpfiles.rules;
  };
}
