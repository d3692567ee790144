# Sets of attributes.
{ lib }:

let
  inherit (builtins)
    attrNames
    filter
    isAttrs
    listToAttrs
    map
    ;
in
rec {
  nameValuePair = name: value: { inherit name value; };

  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);

  filterAttrs =
    holds: set: removeAttrs set (filter (name: !holds name set.${name}) (attrNames set));

  mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));

  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);

  optionalAttrs = condition: set: if condition then set else { };

  isDerivation = value: isAttrs value && value.type or null == "derivation";

  recursiveUpdate =
    left: right:
    left
    // builtins.mapAttrs (
      name: value:
      if isAttrs value && isAttrs (left.${name} or null) then
        recursiveUpdate left.${name} value
      else
        value
    ) right;

  # The values of each name, in the order of the sets.
  zipAttrs =
    sets:
    genAttrs (lib.unique (lib.concatMap attrNames sets)) (
      name: map (set: set.${name}) (filter (set: set ? ${name}) sets)
    );

  attrByPath =
    path: default: set:
    if path == [ ] then
      set
    else if isAttrs set && set ? ${builtins.head path} then
      attrByPath (builtins.tail path) default set.${builtins.head path}
    else
      default;
}
