# How nixpkgs's types call themselves, and the options of submodules.
{ lib, ... }:

let
  inherit (lib) mkOption types;
  inherit (types)
    attrsOf
    coercedTo
    either
    enum
    lazyAttrsOf
    listOf
    nonEmptyListOf
    nullOr
    strMatching
    submodule
    ;

  person = submodule {
    options.name = mkOption { type = types.str; };
    options.born.year = mkOption { type = types.int; };
  };

  # Where the options lie of a submodule that is somewhere in a type.
  placesIn =
    type:
    let
      places =
        options:
        lib.concatMap (
          option: if lib.isOption option then [ (lib.showOption option.loc) ] else places option
        ) (builtins.attrValues (removeAttrs options [ "_module" ]));
    in
    places (type.getSubOptions [ "x" ]);

  described = {
    "boolean" = types.bool;
    "16 bit unsigned integer; between 0 and 65535 (both inclusive)" = types.port;
    "unsigned integer, meaning >=0" = types.ints.unsigned;
    "positive integer, meaning >0" = types.ints.positive;
    "integer between 1 and 5 (both inclusive)" = types.ints.between 1 5;
    "non-empty string" = types.nonEmptyStr;
    "(optionally newline-terminated) single-line string" = types.singleLineStr;
    "strings concatenated with \"\\n\"" = types.lines;
    "absolute path" = types.path;
    "package" = types.package;
    "anything" = types.anything;
    "raw value" = types.raw;
    "attribute set" = types.attrs;
    "floating point number" = types.float;
    "unspecified value" = types.unspecified;
    "string matching the pattern a*" = strMatching "a*";
    "value \"a\" (singular enum)" = enum [ "a" ];
    "one of \"a\", 1, <null>" = enum [
      "a"
      1
      null
    ];
    "null or boolean" = nullOr types.bool;
    "null or (list of string)" = nullOr (listOf types.str);
    "list of (null or string)" = listOf (nullOr types.str);
    "list of list of string" = listOf (listOf types.str);
    "list of (one of \"a\", \"b\")" = listOf (enum [
      "a"
      "b"
    ]);
    "boolean or signed integer" = either types.bool types.int;
    "boolean or signed integer or string" = either types.bool (either types.int types.str);
    "(list of signed integer) or string" = either (listOf types.int) types.str;
    "null or boolean or signed integer" = nullOr (either types.bool types.int);
    "null or one of \"a\", \"b\"" = nullOr (enum [
      "a"
      "b"
    ]);
    "attribute set of (signed integer or string)" = attrsOf (either types.int types.str);
    "attribute set of non-empty (list of string)" = attrsOf (nonEmptyListOf types.str);
    "lazy attribute set of signed integer" = lazyAttrsOf types.int;
    "non-empty (list of string)" = nonEmptyListOf types.str;
    "(list of string) or string convertible to it" = coercedTo types.str (a: [ a ]) (listOf types.str);
    "list of ((submodule) or string convertible to it)" = listOf (coercedTo types.str (a: { }) (submodule { }));
    "submodule" = submodule { };
    "attribute set of (submodule)" = attrsOf (submodule { });
    "open submodule of attribute set of signed integer" = submodule { freeformType = attrsOf types.int; };
    "null or (open submodule of attribute set of signed integer)" = nullOr (submodule { freeformType = attrsOf types.int; });
    "null or all a" = nullOr (strMatching "a*" // { description = "all a"; });
    "list of (this or that)" = listOf (either types.str types.int // { description = "this or that"; });
    "null or 16 bit unsigned integer; between 0 and 65535 (both inclusive)" = nullOr types.port;
    "null or absolute path" = nullOr types.path;
    "list of (positive integer, meaning >0)" = listOf types.ints.positive;
    "list of unspecified value" = listOf types.unspecified;
    "list of raw value" = listOf types.raw;
    "list of anything" = listOf types.anything;
    "list of (attribute set)" = listOf types.attrs;
    "list of boolean" = listOf types.bool;
    "list of signed integer" = listOf types.int;
    "list of floating point number" = listOf types.float;
    "list of 16 bit unsigned integer; between 0 and 65535 (both inclusive)" = listOf types.port;
    "list of (unsigned integer, meaning >=0)" = listOf types.ints.unsigned;
    "list of integer between 1 and 2 (both inclusive)" = listOf (types.ints.between 1 2);
    "list of string" = listOf types.str;
    "list of non-empty string" = listOf types.nonEmptyStr;
    "list of (optionally newline-terminated) single-line string" = listOf types.singleLineStr;
    "list of string matching the pattern a" = listOf (strMatching "a");
    "list of strings concatenated with \"\\n\"" = listOf types.lines;
    "list of absolute path" = listOf types.path;
    "list of package" = listOf types.package;
    "list of value true (singular enum)" = listOf (enum [ true ]);
    "list of (one of true, false)" = listOf (enum [
      true
      false
    ]);
    "list of lazy attribute set of string" = listOf (lazyAttrsOf types.str);
    "list of non-empty (list of string)" = listOf (nonEmptyListOf types.str);
  };
in
{
  "types describe themselves" = {
    expr = builtins.mapAttrs (_: type: type.description) described;
    expected = lib.genAttrs (builtins.attrNames described) (description: description);
  };

  "options of submodules are found by their places" = {
    expr = map placesIn [
      person
      (attrsOf person)
      (listOf person)
      (nullOr (attrsOf (nonEmptyListOf person)))
      (coercedTo types.int (_: { }) person)
      types.int
    ];
    expected = [
      [
        "x.born.year"
        "x.name"
      ]
      [
        "x.<name>.born.year"
        "x.<name>.name"
      ]
      [
        "x.*.born.year"
        "x.*.name"
      ]
      [
        "x.<name>.*.born.year"
        "x.<name>.*.name"
      ]
      [
        "x.born.year"
        "x.name"
      ]
      [ ]
    ];
  };
}
