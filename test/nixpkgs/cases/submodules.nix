# What nixpkgs's types make of sets and lists of sets: { expr, expected } or { expr, says }.
{ lib, ... }:

let
  inherit (lib)
    mkDefault
    mkForce
    mkIf
    mkOption
    types
    ;
  inherit (import ./tools.nix { inherit lib; }) option valueOf;

  person = types.submodule (
    { name, config, ... }:
    {
      options = {
        name = mkOption {
          type = types.str;
          default = name;
        };
        greeting = option types.str;
        age = option types.int;
      };
      config.greeting = mkDefault "${config.name} is ${toString config.age}";
    }
  );
in
{
  "a plain set of attributes is merged at the top" = {
    expr = valueOf types.attrs [
      { a.b = 1; }
      { c = 2; }
    ];
    expected = {
      a.b = 1;
      c = 2;
    };
  };

  "a raw value is nobody else's to add to" = {
    expr = valueOf types.raw [
      { a = 1; }
      { a = 1; }
    ];
    says = "The option `x' is defined multiple times while it's expected to be unique";
  };

  "addCheck adds to what a type asks" = {
    expr = valueOf (types.addCheck types.int (value: value > 1)) [ 1 ];
    says = "A definition for option `x' is not of type `signed integer";
  };

  "coercedTo converts before it merges" = {
    expr = valueOf (types.coercedTo types.int (number: [ number ]) (types.listOf types.int)) [
      1
      [ 2 ]
    ];
    expected = [
      2
      1
    ];
  };

  "a submodule knows its name and its own values" = {
    expr = valueOf (types.attrsOf person) [
      { alice.age = 1; }
      {
        bob = {
          age = 2;
          greeting = "hello";
        };
      }
    ];
    expected = {
      alice = {
        name = "alice";
        age = 1;
        greeting = "alice is 1";
      };
      bob = {
        name = "bob";
        age = 2;
        greeting = "hello";
      };
    };
  };

  "a submodule is made of several definitions, some of them functions" = {
    expr = valueOf person [
      { age = mkDefault 1; }
      ({ config, ... }: { greeting = "so ${config.name}"; })
      { age = 2; }
    ];
    expected = {
      name = "x";
      age = 2;
      greeting = "so x";
    };
  };

  "a submodule may be a list of modules" = {
    expr = valueOf (types.submodule [
      { options.a = option types.int; }
      { options.b = mkOption { type = types.int; default = 2; }; }
    ]) [ { a = 1; } ];
    expected = {
      a = 1;
      b = 2;
    };
  };

  "a list of submodules leaves out none" = {
    expr = map ({ greeting, ... }: greeting) (
      valueOf (types.listOf person) [
        [
          {
            name = "alice";
            age = 1;
          }
          {
            name = "bob";
            age = 2;
          }
        ]
      ]
    );
    expected = [
      "alice is 1"
      "bob is 2"
    ];
  };

  "an attribute named config of a submodule's definition is an option like another" = {
    expr = valueOf (types.submodule { options.config = option types.int; }) [ { config = 1; } ];
    expected.config = 1;
  };

  "a submodule with a free form takes what nobody declared" = {
    expr =
      valueOf
        (types.submodule {
          freeformType = types.attrsOf (types.either types.int (types.listOf types.int));
          options.a = mkOption {
            type = types.int;
            default = 1;
          };
        })
        [
          {
            b = mkDefault 2;
            c = mkIf false 3;
            d = [ 4 ];
          }
          {
            b = 5;
            d = lib.mkAfter [ 6 ];
          }
        ];
    expected = {
      a = 1;
      b = 5;
      d = [
        4
        6
      ];
    };
  };

  "a whole submodule may be forced" = {
    expr =
      valueOf
        (types.submodule {
          freeformType = types.attrsOf types.int;
        })
        [
          (mkForce { a = 1; })
          {
            a = 2;
            b = 3;
          }
        ];
    expected.a = 1;
  };
}
