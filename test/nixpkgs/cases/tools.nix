# What the cases of this directory have in common.
{ lib }:

rec {
  configOf = modules: removeAttrs (lib.evalModules { inherit modules; }).config [ "_module" ];
  optionsOf = modules: (lib.evalModules { inherit modules; }).options;

  option = type: lib.mkOption { inherit type; };

  # What definitions of one option come to.
  valueOf =
    type: values: (configOf ([ { options.x = option type; } ] ++ map (x: { inherit x; }) values)).x;

  # A module at a place of its own.
  at = file: module: module // { _file = file; };

  never = throw "must not be looked at";
}
