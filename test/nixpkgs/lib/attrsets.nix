# Sets of attributes.
{ lib }:

rec {
  nameValuePair = name: value: { inherit name value; };

  genAttrs = names: f: builtins.listToAttrs (map (name: nameValuePair name (f name)) names);

  filterAttrs =
    holds: set: removeAttrs set (builtins.filter (name: !holds name set.${name}) (builtins.attrNames set));

  mapAttrs' = f: set: builtins.listToAttrs (map (name: f name set.${name}) (builtins.attrNames set));

  mapAttrsToList = f: set: map (name: f name set.${name}) (builtins.attrNames set);

  getAttrs = names: set: genAttrs names (name: set.${name});

  optionalAttrs = condition: set: if condition then set else { };

  isDerivation = value: builtins.isAttrs value && value.type or null == "derivation";

  recursiveUpdate =
    left: right:
    left
    // builtins.mapAttrs (
      name: value:
      if builtins.isAttrs value && builtins.isAttrs (left.${name} or null) then
        recursiveUpdate left.${name} value
      else
        value
    ) right;

  # The values of each name, in the order of the sets.
  zipAttrs =
    sets:
    genAttrs (lib.unique (lib.concatMap builtins.attrNames sets)) (
      name: map (set: set.${name}) (builtins.filter (set: set ? ${name}) sets)
    );
}
