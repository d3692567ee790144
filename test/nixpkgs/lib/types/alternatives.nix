# Types that take what one of several takes.
{ lib, tools }:

let
  inherit (builtins)
    all
    any
    elem
    head
    isBool
    isString
    length
    toJSON
    ;
  inherit (lib) showFiles showOption;
  inherit (tools) make mergeEqual phrase valuesOf;

  show =
    value:
    if value == null then
      "<null>"
    else if isString value then
      ''"${value}"''
    else if isBool value then
      lib.boolToString value
    else
      toJSON value;
in
rec {
  enum =
    values:
    make (
      {
        name = "enum";
        check = value: elem value values;
      }
      // (
        if length values == 1 then
          { description = "value ${show (head values)} (singular enum)"; }
        else
          {
            description = "one of ${lib.concatMapStringsSep ", " show values}";
            descriptionClass = "conjunction";
          }
      )
    );

  nullOr =
    type:
    make {
      name = "nullOr";
      description = "null or ${
        phrase [
          "noun"
          "conjunction"
        ] type
      }";
      descriptionClass = "conjunction";
      check = value: value == null || type.check value;
      inherit (type) getSubOptions;
      merge =
        loc: defs:
        if all (value: value == null) (valuesOf defs) then
          null
        else if any (value: value == null) (valuesOf defs) then
          throw "The option `${showOption loc}' is defined both null and not null, in ${
            showFiles (map ({ file, ... }: file) defs)
          }."
        else
          type.merge loc defs;
    };

  either =
    one: other:
    make {
      name = "either";
      description = "${
        phrase [
          "noun"
          "conjunction"
        ] one
      } or ${
        phrase [
          "noun"
          "conjunction"
          "composite"
        ] other
      }";
      descriptionClass = "conjunction";
      check = value: one.check value || other.check value;
      merge =
        loc: defs:
        if all one.check (valuesOf defs) then
          one.merge loc defs
        else if all other.check (valuesOf defs) then
          other.merge loc defs
        else
          mergeEqual loc defs;
    };

  oneOf = list: lib.foldl' either (head list) (builtins.tail list);

  coercedTo =
    from: convert: to:
    make {
      name = "coercedTo";
      description = "${phrase [ "noun" ] to} or ${phrase [ "noun" ] from} convertible to it";
      descriptionClass = null;
      check = value: (from.check value && to.check (convert value)) || to.check value;
      inherit (to) getSubOptions;
      merge =
        loc: defs:
        to.merge loc (
          map (def: if from.check def.value then def // { value = convert def.value; } else def) defs
        );
    };

  addCheck = type: holds: type // { check = value: type.check value && holds value; };
}
