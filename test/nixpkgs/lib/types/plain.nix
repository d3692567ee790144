# Types whose values are what they are, whatever is in them.
{ lib, tools }:

let
  inherit (builtins)
    all
    concatStringsSep
    head
    isAttrs
    isBool
    isFloat
    isFunction
    isInt
    isList
    isPath
    isString
    length
    match
    ;
  inherit (lib) showDefs showOption;
  inherit (tools) make mergeEqual valuesOf;

  isText = value: isString value || (isAttrs value && value ? outPath) || isPath value;

  number =
    description: holds:
    make {
      name = "int";
      inherit description;
      check = value: isInt value && holds value;
    };

  restricted =
    description: holds: number description holds // { descriptionClass = "nonRestrictiveClause"; };

  text =
    name: description: holds:
    make {
      inherit name description;
      check = value: isString value && holds value;
    };
in
{
  unspecified = make {
    name = "unspecified";
    description = "unspecified value";
    merge =
      loc: defs:
      let
        values = valuesOf defs;
      in
      if length defs == 1 then
        head values
      else if all isList values then
        lib.concatLists values
      else if all isAttrs values then
        lib.foldl' (merged: value: merged // value) { } values
      else
        mergeEqual loc defs;
  };

  raw = make {
    name = "raw";
    description = "raw value";
    merge =
      loc: defs:
      if length defs == 1 then
        (head defs).value
      else
        throw "The option `${showOption loc}' is defined multiple times while it's expected to be unique.${showDefs defs}";
  };

  anything = make {
    name = "anything";
    merge =
      loc: defs:
      let
        values = valuesOf defs;
      in
      if length defs == 1 && !isAttrs (head values) && !isList (head values) then
        head values
      else if all (value: isAttrs value && !isText value) values then
        (lib.types.lazyAttrsOf lib.types.anything).merge loc defs
      else if isList (head values) && length defs == 1 then
        (lib.types.listOf lib.types.anything).merge loc defs
      else if all isList values then
        throw "The option `${showOption loc}' has conflicting definitions, which are lists:${showDefs defs}"
      else
        mergeEqual loc defs;
  };

  attrs = make {
    name = "attrs";
    descriptionClass = null;
    description = "attribute set";
    check = isAttrs;
    merge = _: defs: lib.foldl' (merged: value: merged // value) { } (valuesOf defs);
  };

  bool = make {
    name = "bool";
    description = "boolean";
    check = isBool;
  };

  int = number "signed integer" (_: true);

  float = make {
    name = "float";
    description = "floating point number";
    check = isFloat;
  };

  port =
    number "16 bit unsigned integer; between 0 and 65535 (both inclusive)"
      (value: value >= 0 && value <= 65535);

  ints = {
    unsigned = restricted "unsigned integer, meaning >=0" (value: value >= 0);
    positive = restricted "positive integer, meaning >0" (value: value > 0);
    between =
      least: most:
      number "integer between ${toString least} and ${toString most} (both inclusive)" (
        value: value >= least && value <= most
      );
  };

  str = text "str" "string" (_: true);

  nonEmptyStr = text "nonEmptyStr" "non-empty string" (value: match "[ \t\n]*" value == null);

  singleLineStr = text "singleLineStr" "(optionally newline-terminated) single-line string" (
    value: match "[^\n\r]*\n?" value != null
  );

  strMatching =
    pattern:
    text "strMatching" "string matching the pattern ${pattern}" (value: match pattern value != null);

  lines = text "separatedString" ''strings concatenated with "\n"'' (_: true) // {
    merge = _: defs: concatStringsSep "\n" (valuesOf defs);
  };

  path = make {
    name = "path";
    description = "absolute path";
    check = value: isText value && lib.hasPrefix "/" (toString value);
  };

  package = make {
    name = "package";
    check =
      value:
      lib.isDerivation value
      || (isText value && lib.hasPrefix "${builtins.storeDir}/" (toString value));
  };

  functionTo =
    type:
    make {
      name = "functionTo";
      description = "function that evaluates to a(n) ${tools.phrase [ "noun" "composite" ] type}";
      descriptionClass = "composite";
      check = isFunction;
      merge =
        loc: defs: argument:
        (lib.mergeDefinitions loc type (
          map ({ file, value }: {
            inherit file;
            value = value argument;
          }) defs
        )).value;
    };
}
