# Types that take what one of several takes.
{ lib, tools }:

let
  show =
    value:
    if value == null then
      "<null>"
    else if builtins.isString value then
      ''"${value}"''
    else if builtins.isBool value then
      lib.boolToString value
    else
      builtins.toJSON value;
in
rec {
  enum =
    values:
    tools.make (
      {
        name = "enum";
        check = value: builtins.elem value values;
      }
      // (
        if builtins.length values == 1 then
          { description = "value ${show (builtins.head values)} (singular enum)"; }
        else
          {
            description = "one of ${lib.concatMapStringsSep ", " show values}";
            descriptionClass = "conjunction";
          }
      )
    );

  nullOr =
    type:
    tools.make {
      name = "nullOr";
      description = "null or ${tools.phrase "noun conjunction" type}";
      descriptionClass = "conjunction";
      check = value: value == null || type.check value;
      inherit (type) getSubOptions;
      merge =
        loc: defs:
        if builtins.all (value: value == null) (tools.valuesOf defs) then
          null
        else if builtins.any (value: value == null) (tools.valuesOf defs) then
          throw "The option `${lib.showOption loc}' is defined both null and not null, in ${
            lib.showFiles (map ({ file, ... }: file) defs)
          }."
        else
          type.merge loc defs;
    };

  either =
    one: other:
    tools.make {
      name = "either";
      description = "${tools.phrase "noun conjunction" one} or ${tools.phrase "noun conjunction composite" other}";
      descriptionClass = "conjunction";
      check = value: one.check value || other.check value;
      merge =
        loc: defs:
        if builtins.all one.check (tools.valuesOf defs) then
          one.merge loc defs
        else if builtins.all other.check (tools.valuesOf defs) then
          other.merge loc defs
        else
          tools.mergeEqual loc defs;
    };

  oneOf = list: lib.foldl' either (builtins.head list) (builtins.tail list);

  coercedTo =
    from: convert: to:
    tools.make {
      name = "coercedTo";
      description = "${tools.phrase "noun" to} or ${tools.phrase "noun" from} convertible to it";
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
