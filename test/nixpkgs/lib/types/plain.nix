# Types whose values are what they are, whatever is in them.
{ lib, tools }:

let
  isText = value: builtins.isString value || (builtins.isAttrs value && value ? outPath) || builtins.isPath value;

  number =
    description: holds:
    tools.make {
      name = "int";
      inherit description;
      check = value: builtins.isInt value && holds value;
    };

  restricted =
    description: holds: number description holds // { descriptionClass = "nonRestrictiveClause"; };

  text =
    name: description: holds:
    tools.make {
      inherit name description;
      check = value: builtins.isString value && holds value;
    };
in
{
  unspecified = tools.make {
    name = "unspecified";
    description = "unspecified value";
    merge =
      loc: defs:
      let
        values = tools.valuesOf defs;
      in
      if builtins.length defs == 1 then
        builtins.head values
      else if builtins.all builtins.isList values then
        lib.concatLists values
      else if builtins.all builtins.isAttrs values then
        lib.foldl' (merged: value: merged // value) { } values
      else
        tools.mergeEqual loc defs;
  };

  raw = tools.make {
    name = "raw";
    description = "raw value";
    merge =
      loc: defs:
      if builtins.length defs == 1 then
        (builtins.head defs).value
      else
        throw "The option `${lib.showOption loc}' is defined multiple times while it's expected to be unique.${lib.showDefs defs}";
  };

  attrs = tools.make {
    name = "attrs";
    descriptionClass = null;
    description = "attribute set";
    check = builtins.isAttrs;
    merge = _: defs: lib.foldl' (merged: value: merged // value) { } (tools.valuesOf defs);
  };

  bool = tools.make {
    name = "bool";
    description = "boolean";
    check = builtins.isBool;
  };

  int = number "signed integer" (_: true);

  float = tools.make {
    name = "float";
    description = "floating point number";
    check = builtins.isFloat;
  };

  ints = {
    unsigned = restricted "unsigned integer, meaning >=0" (value: value >= 0);
    positive = restricted "positive integer, meaning >0" (value: value > 0);
    between =
      lowest: highest:
      number "integer between ${toString lowest} and ${toString highest} (both inclusive)" (
        value: value >= lowest && value <= highest
      );
  };

  str = text "str" "string" (_: true);

  nonEmptyStr = text "nonEmptyStr" "non-empty string" (value: builtins.match "[ \t\n]*" value == null);

  strMatching =
    pattern:
    text "strMatching" "string matching the pattern ${pattern}" (value: builtins.match pattern value != null);

  lines = text "separatedString" ''strings concatenated with "\n"'' (_: true) // {
    merge = _: defs: builtins.concatStringsSep "\n" (tools.valuesOf defs);
  };

  path = tools.make {
    name = "path";
    description = "absolute path";
    check = value: isText value && lib.hasPrefix "/" (toString value);
  };

  package = tools.make {
    name = "package";
    check =
      value:
      lib.isDerivation value
      || (isText value && lib.hasPrefix "${builtins.storeDir}/" (toString value));
  };
}
