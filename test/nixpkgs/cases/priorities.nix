# Which definitions count, and in which order: { expr, expected }, or { expr, says } where nixpkgs refuses and says so.
{ lib, ... }:

let
  inherit (lib)
    mkAfter
    mkBefore
    mkDefault
    mkForce
    mkIf
    mkMerge
    mkOption
    mkOptionDefault
    mkOrder
    mkOverride
    types
    ;
  inherit (import ./tools.nix { inherit lib; })
    configOf
    never
    option
    valueOf
    ;
in
{
  "a plain definition beats a default" = {
    expr = valueOf types.int [
      (mkDefault 1)
      2
    ];
    expected = 2;
  };

  "a forced definition beats a plain one, wherever it stands" = {
    expr = valueOf types.int [
      (mkForce 1)
      2
    ];
    expected = 1;
  };

  "a default of the option is the weakest" = {
    expr = configOf [
      {
        options.x = mkOption {
          type = types.int;
          default = 1;
        };
      }
      { x = mkDefault 2; }
    ];
    expected.x = 2;
  };

  "mkOptionDefault is as strong as a default of the option" = {
    expr = configOf [
      {
        options.x = mkOption {
          type = types.listOf types.int;
          default = [ 1 ];
        };
      }
      { x = mkOptionDefault [ 2 ]; }
    ];
    expected.x = [
      1
      2
    ];
  };

  "the smaller number of two overrides wins" = {
    expr = valueOf types.int [
      (mkOverride 60 1)
      (mkOverride 59 2)
      (mkOverride 61 3)
    ];
    expected = 2;
  };

  "what is overridden is never looked at" = {
    expr = valueOf types.int [
      1
      (mkDefault never)
    ];
    expected = 1;
  };

  "two values of one strength contradict each other" = {
    expr = valueOf types.int [
      1
      2
    ];
    says = "The option `x' has conflicting definition values:";
  };

  "the same value twice is none" = {
    expr = valueOf types.int [
      1
      1
    ];
    expected = 1;
  };

  "a condition that does not hold leaves no definition" = {
    expr = valueOf (types.listOf types.int) [
      (mkIf false [ 1 ])
      (mkIf true [ 2 ])
    ];
    expected = [ 2 ];
  };

  "what stands under a condition that does not hold is never looked at" = {
    expr = valueOf types.int [
      (mkIf false never)
      1
    ];
    expected = 1;
  };

  "a condition may depend on an option that its own set defines" = {
    expr = configOf [
      {
        options.x = option types.int;
        options.y = option types.int;
      }
      (
        { config, ... }:
        {
          config = mkIf (config.x == 1) { y = 2; };
        }
      )
      { x = 1; }
    ];
    expected = {
      x = 1;
      y = 2;
    };
  };

  "a condition on an option's own set is pushed down to its attributes" = {
    expr = configOf [
      {
        options.a.x = option types.int;
        options.a.y = option types.int;
      }
      (
        { config, ... }:
        {
          a = mkMerge [
            { x = 1; }
            (mkIf (config.a.x == 1) { y = 2; })
          ];
        }
      )
    ];
    expected.a = {
      x = 1;
      y = 2;
    };
  };

  "strength of a set is pushed down to its attributes" = {
    expr = configOf [
      {
        options.a.x = option types.int;
        options.a.y = option types.int;
      }
      {
        a = mkForce {
          x = 1;
          y = 1;
        };
      }
      { a.x = 2; }
    ];
    expected.a = {
      x = 1;
      y = 1;
    };
  };

  "a strength outside one inside leaves the inner one" = {
    expr = configOf [
      { options.a.x = option types.int; }
      { a = mkMerge [ { x = mkForce 1; } ]; }
      { a = mkDefault { x = 2; }; }
    ];
    expected.a.x = 1;
  };

  "lists come together in the order of the modules, the last first" = {
    expr = valueOf (types.listOf types.int) [
      [ 1 ]
      [ 2 ]
      [ 3 ]
    ];
    expected = [
      3
      2
      1
    ];
  };

  "mkBefore comes first and mkAfter last" = {
    expr = valueOf (types.listOf types.int) [
      (mkAfter [ 5 ])
      [ 3 ]
      (mkOrder 999 [ 2 ])
      (mkOrder 1001 [ 4 ])
      (mkBefore [ 1 ])
    ];
    expected = [
      1
      2
      3
      4
      5
    ];
  };

  "those of the same order keep theirs" = {
    expr = valueOf types.lines [
      (mkAfter "d")
      (mkAfter "c")
      "b"
      "a"
    ];
    expected = "a\nb\nc\nd";
  };

  "order within a strength" = {
    expr = valueOf types.lines [
      (mkForce (mkAfter "b"))
      (mkForce "a")
      "c"
    ];
    expected = "a\nb";
  };

  "mkMerge keeps the order of its parts" = {
    expr = valueOf (types.listOf types.int) [
      (mkMerge [
        [ 1 ]
        (mkIf true [ 2 ])
        (mkIf false never)
        [ 3 ]
      ])
    ];
    expected = [
      1
      2
      3
    ];
  };
}
