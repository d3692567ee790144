# What nixpkgs tells of an option and its definitions: { expr, expected }.
{ lib, ... }:

let
  inherit (lib)
    mkAfter
    mkDefault
    mkForce
    mkIf
    mkOption
    mkOverride
    types
    ;
  inherit (import ./tools.nix { inherit lib; }) at option optionsOf;
in
{
  "definitions of the strongest kind are told with their places, in order" = {
    expr =
      map ({ file, value, ... }: [
        file
        value
      ])
        (optionsOf [
          { options.x = option (types.listOf types.int); }
          (at "default.nix" { x = mkDefault [ 0 ]; })
          (at "a.nix" { x = mkAfter [ 1 ]; })
          (at "b.nix" { x = mkIf true [ 2 ]; })
          (at "c.nix" { x = mkIf false [ 3 ]; })
        ]).x.definitionsWithLocations;
    expected = [
      [
        "b.nix"
        [ 2 ]
      ]
      [
        "a.nix"
        [ 1 ]
      ]
    ];
  };

  "of a set, definitions are told as they were written" = {
    expr =
      map ({ value, ... }: value.y._type or value.y)
        (optionsOf [
          { options.x = option (types.submodule { freeformType = types.attrsOf types.int; }); }
          { x.y = mkForce 1; }
          { x.y = mkIf false 2; }
          { x.y = 3; }
        ]).x.definitionsWithLocations;
    expected = [
      3
      "if"
      "override"
    ];
  };

  "an option tells what became of it" = {
    expr =
      let
        inherit
          (optionsOf [
            (at "here.nix" { options.x = option types.int; })
            (at "here.nix" { options.y = option types.int; })
            (at "there.nix" { x = mkOverride 70 1; })
          ])
          x
          y
          ;
      in
      {
        x = {
          inherit (x)
            value
            isDefined
            highestPrio
            files
            definitions
            declarations
            loc
            ;
        };
        y = {
          inherit (y) isDefined files definitions;
        };
        description = y.type.description;
      };
    expected = {
      x = {
        value = 1;
        isDefined = true;
        highestPrio = 70;
        files = [ "there.nix" ];
        definitions = [ 1 ];
        declarations = [ "here.nix" ];
        loc = [ "x" ];
      };
      y = {
        isDefined = false;
        files = [ ];
        definitions = [ ];
      };
      description = "signed integer";
    };
  };

  "strength of what has a default alone" = {
    expr =
      (optionsOf [
        {
          options.x = mkOption {
            type = types.int;
            default = 1;
          };
        }
      ]).x.highestPrio;
    expected = 1500;
  };
}
