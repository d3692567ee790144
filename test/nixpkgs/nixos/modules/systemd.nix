# Units of systemd, printed as NixOS prints them: no [Install] section, but links where a unit is wanted.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  option = type: default: lib.mkOption { inherit type default; };
  values = option (lib.types.attrsOf lib.types.unspecified) { };

  unitName =
    lib.types.strMatching "[a-zA-Z0-9@%:_.\\-]+[.](service|socket|device|mount|automount|swap|target|path|timer|scope|slice)";
  names = option (lib.types.listOf unitName) [ ];

  relations = {
    after = "After";
    before = "Before";
    conflicts = "Conflicts";
    partOf = "PartOf";
    requires = "Requires";
    wants = "Wants";
  };

  unitOptions = {
    description = option lib.types.str "";
    unitConfig = values;
    wantedBy = names;
    requiredBy = names;
  }
  // lib.mapAttrs (_: _: names) relations
  // triggers;

  # What switch-to-configuration reads: X-Restart-Triggers and X-Reload-Triggers of a unit, and for a
  # service whether a change stops and starts it, as by default, or restarts it in place.
  triggers = {
    restartTriggers = option (lib.types.listOf lib.types.unspecified) [ ];
    reloadTriggers = option (lib.types.listOf lib.types.unspecified) [ ];
  };

  declare = more: option (lib.types.attrsOf (lib.types.submodule { options = unitOptions // more; })) { };

  print = value: if builtins.isBool value then lib.boolToString value else toString value;

  lines =
    section:
    lib.concatStrings (
      lib.concatLists (
        lib.mapAttrsToList (key: value: map (one: "${key}=${print one}\n") (lib.toList value)) section
      )
    );

  unitConfig =
    unit:
    lib.optionalAttrs (unit.description != "") { Description = unit.description; }
    // lib.mapAttrs' (name: key: lib.nameValuePair key (toString unit.${name})) (
      lib.filterAttrs (name: _: unit.${name} != [ ]) relations
    )
    // lib.optionalAttrs (unit.restartTriggers != [ ]) {
      X-Restart-Triggers = toString unit.restartTriggers;
    }
    // lib.optionalAttrs (unit.reloadTriggers != [ ]) {
      X-Reload-Triggers = toString unit.reloadTriggers;
    }
    // unit.unitConfig;

  environment =
    unit:
    lib.concatLines (
      lib.mapAttrsToList (name: value: "Environment=${builtins.toJSON "${name}=${value}"}") (
        lib.filterAttrs (_: value: value != null) unit.environment
      )
    );

  texts = {
    service =
      unit:
      "[Service]\n"
      + environment unit
      + lines unit.serviceConfig
      + lib.optionalString (!unit.stopIfChanged) "X-StopIfChanged=false\n";
    socket = unit: "[Socket]\n" + lines unit.socketConfig;
    timer = unit: "[Timer]\n" + lines unit.timerConfig;
  };

  # The files of one kind of units, by name.
  unitsOf =
    kind: own:
    lib.mapAttrs' (
      name: unit:
      lib.nameValuePair "${name}.${kind}" {
        inherit (unit) wantedBy requiredBy;
        text = "[Unit]\n" + lines (unitConfig unit) + "\n" + own unit;
      }
    ) config.systemd."${kind}s";

  # Where a unit lies, and the links by which others want or require it.
  linksOf =
    name: unit:
    let
      source = pkgs.writeText "unit-${name}" unit.text;
      link = kind: target: lib.nameValuePair "systemd/system/${target}.${kind}/${name}" { inherit source; };
    in
    [ (lib.nameValuePair "systemd/system/${name}" { inherit source; }) ]
    ++ map (link "wants") unit.wantedBy
    ++ map (link "requires") unit.requiredBy;
in
{
  options.systemd = {
    services = declare {
      serviceConfig = values;
      stopIfChanged = option lib.types.bool true;
      environment = option (lib.types.attrsOf (
        lib.types.nullOr (lib.types.either lib.types.path lib.types.str)
      )) { };
    };
    sockets = declare { socketConfig = values; };
    timers = declare { timerConfig = values; };
    units = option (lib.types.attrsOf (
      lib.types.submodule {
        options = {
          text = option (lib.types.nullOr lib.types.str) null;
          wantedBy = names;
          requiredBy = names;
        };
      }
    )) { };
    tmpfiles.rules = option (lib.types.listOf lib.types.str) [ ];
  };

  config.systemd.units = lib.foldl' (units: kind: units // unitsOf kind texts.${kind}) { } (
    builtins.attrNames texts
  );

  config.environment.etc =
    builtins.listToAttrs (lib.concatLists (lib.mapAttrsToList linksOf config.systemd.units))
    // {
      "tmpfiles.d/00-nixos.conf".text = lib.concatLines config.systemd.tmpfiles.rules;
    };
}
