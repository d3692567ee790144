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

  unitName =
    types.strMatching "[a-zA-Z0-9@%:_.\\-]+[.](service|socket|device|mount|automount|swap|target|path|timer|scope|slice)";

  names = mkOption {
    type = types.listOf unitName;
    default = [ ];
    description = "Other units.";
  };

  relations = {
    after = "After";
    before = "Before";
    bindsTo = "BindsTo";
    conflicts = "Conflicts";
    onFailure = "OnFailure";
    partOf = "PartOf";
    requires = "Requires";
    wants = "Wants";
  };

  unitOptions = {
    description = mkOption {
      type = types.singleLineStr;
      default = "";
      description = "What it is.";
    };
    unitConfig = values;
    wantedBy = names;
    requiredBy = names;
  }
  // lib.mapAttrs (_: _: names) relations;

  declare =
    more:
    mkOption {
      type = types.attrsOf (types.submodule { options = unitOptions // more; });
      default = { };
      description = "Units of this kind.";
    };

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
    // unit.unitConfig;

  environment =
    unit:
    lib.concatLines (
      lib.mapAttrsToList (name: value: "Environment=${builtins.toJSON "${name}=${value}"}") (
        lib.filterAttrs (_: value: value != null) unit.environment
      )
    );

  texts = {
    service = unit: "[Service]\n" + environment unit + lines unit.serviceConfig;
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
      environment = mkOption {
        type = types.attrsOf (
          types.nullOr (
            types.oneOf [
              types.str
              types.path
              types.package
            ]
          )
        );
        default = { };
        description = "Environment of its processes.";
      };
    };
    sockets = declare { socketConfig = values; };
    timers = declare { timerConfig = values; };
    units = mkOption {
      type = types.attrsOf (
        types.submodule {
          options = {
            text = mkOption {
              type = types.nullOr types.str;
              default = null;
              description = "What its file says.";
            };
            wantedBy = names;
            requiredBy = names;
          };
        }
      );
      default = { };
      description = "All units, as files.";
    };
    tmpfiles.rules = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Lines of tmpfiles.d(5).";
    };
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
