# What nixpkgs's types take, and what they make of several definitions: { expr, expected } or { expr, says }.
{ lib, ... }:

let
  inherit (lib) mkDefault mkForce mkIf types;
  inherit (import ./tools.nix { inherit lib; }) option valueOf;

  # Those of the values that a type takes.
  taken = type: lib.filter type.check;

  derivation = {
    type = "derivation";
    name = "d";
    outPath = "/nix/store/d";
  };
in
{
  "enum takes what it names" = {
    expr = valueOf (types.enum [
      "a"
      "b"
    ]) [ "c" ];
    says = "A definition for option `x' is not of type `one of \"a\", \"b\"'";
  };

  "numbers have their bounds" = {
    expr = [
      (taken types.port [
        (-1)
        0
        65535
        65536
      ])
      (taken types.ints.unsigned [
        (-1)
        0
        1
      ])
      (taken types.ints.positive [
        (-1)
        0
        1
      ])
      (taken (types.ints.between 2 3) [
        1
        2
        3
        4
      ])
      (taken types.int [
        1
        "1"
        1.0
      ])
    ];
    expected = [
      [
        0
        65535
      ]
      [
        0
        1
      ]
      [ 1 ]
      [
        2
        3
      ]
      [ 1 ]
    ];
  };

  "texts have their forms" = {
    expr = [
      (taken types.nonEmptyStr [
        ""
        " \t\n"
        "a"
      ])
      (taken types.singleLineStr [
        "a"
        "a\n"
        "a\nb"
      ])
      (taken (types.strMatching "[a-c]+") [
        ""
        "ab"
        "abd"
      ])
      (map types.path.check [
        "/a"
        "a"
        /a
        1
      ])
      (taken types.str [
        ""
        1
        null
      ])
    ];
    expected = [
      [ "a" ]
      [
        "a"
        "a\n"
      ]
      [ "ab" ]
      [
        true
        false
        true
        false
      ]
      [ "" ]
    ];
  };

  "a derivation is a package and a path" = {
    expr = [
      (types.package.check derivation)
      (types.path.check derivation)
      (types.package.check "/a")
      (types.str.check derivation)
    ];
    expected = [
      true
      true
      false
      false
    ];
  };

  "null is a value of its own" = {
    expr = valueOf (types.nullOr types.int) [ null ];
    expected = null;
  };

  "null and something else contradict each other" = {
    expr = valueOf (types.nullOr types.int) [
      null
      1
    ];
    says = "The option `x[`'] is defined both null and not null";
  };

  "either takes the first type that takes all" = {
    expr = [
      (valueOf (types.either types.int (types.listOf types.int)) [
        [ 1 ]
        [ 2 ]
      ])
      (valueOf (types.oneOf [
        types.int
        types.str
        types.bool
      ]) [ true ])
    ];
    expected = [
      [
        2
        1
      ]
      true
    ];
  };

  "elements of lists are held to their type, and say which they are" = {
    expr = valueOf (types.listOf types.int) [ [
      1
      "2"
    ] ];
    says = "A definition for option `x\\.\"\\[definition 1-entry 2\\]\"' is not of type `signed integer'";
  };

  "a list may have to have something in it" = {
    expr = valueOf (types.nonEmptyListOf types.int) [ [ ] ];
    says = "A definition for option `x' is not of type `non-empty \\(list of signed integer\\)'";
  };

  "a condition may stand in a list" = {
    expr = valueOf (types.listOf types.int) [ [
      1
      (mkIf false 2)
      (mkIf true 3)
    ] ];
    expected = [
      1
      3
    ];
  };

  "attributes are merged one by one" = {
    expr = valueOf (types.attrsOf types.int) [
      {
        a = 1;
        b = mkDefault 2;
        c = mkIf false 3;
      }
      { b = 4; }
      (mkIf false { d = 5; })
    ];
    expected = {
      a = 1;
      b = 4;
    };
  };

  "attributes say which they are" = {
    expr = valueOf (types.attrsOf types.int) [ { "a b" = true; } ];
    says = "A definition for option `x\\.\"a b\"' is not of type `signed integer'";
  };

  "a lazy set has the names of conditions that do not hold" = {
    expr = builtins.attrNames (valueOf (types.lazyAttrsOf types.int) [ { a = mkIf false 1; } ]);
    expected = [ "a" ];
  };

  "a lazy set may refer to itself" = {
    expr =
      (lib.evalModules {
        modules = [
          { options.x = option (types.lazyAttrsOf types.int); }
          (
            { config, ... }:
            {
              x.a = config.x.b;
              x.b = 1;
            }
          )
        ];
      }).config.x.a;
    expected = 1;
  };

  "a set of anything is merged in depth" = {
    expr = valueOf types.anything [
      {
        a.b = 1;
        a.c = mkDefault 2;
      }
      { a.c = mkForce 3; }
    ];
    expected.a = {
      b = 1;
      c = 3;
    };
  };

  "lists of anything are not put together" = {
    expr = valueOf types.anything [
      [ 1 ]
      [ 2 ]
    ];
    says = "The option `x' has conflicting definition";
  };
}
