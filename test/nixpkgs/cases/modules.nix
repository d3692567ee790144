# What nixpkgs makes of modules, their options and what they define: { expr, expected } or { expr, says }.
{ lib, ... }:

let
  inherit (lib) mkDefault mkIf mkOption types;
  inherit (import ./tools.nix { inherit lib; }) at configOf option valueOf;
in
{
  "imports come before whoever imports them, and each comes once" = {
    expr =
      let
        common = {
          key = "common";
          x = [ "common" ];
        };
      in
      (configOf [
        { options.x = option (types.listOf types.str); }
        {
          imports = [
            common
            { x = [ "import" ]; }
          ];
          x = [ "importer" ];
        }
        {
          imports = [ common ];
          x = [ "other" ];
        }
      ]).x;
    expected = [
      "import"
      "common"
      "other"
      "importer"
    ];
  };

  "a module is a function of what it names" = {
    expr =
      (lib.evalModules {
        specialArgs.special = 1;
        modules = [
          { options.x = option (types.listOf types.int); }
          (
            {
              special,
              named,
              config,
              options,
              lib,
              ...
            }:
            {
              x = [
                special
                named
              ];
            }
          )
          { _module.args.named = 2; }
        ];
      }).config.x;
    expected = [
      1
      2
    ];
  };

  "an option that nobody defines has no value" = {
    expr = valueOf types.int [ ];
    says = "The option `x' was accessed but has no value defined";
  };

  "and takes nothing from the others" = {
    expr =
      (configOf [
        {
          options.x = option types.int;
          options.y = option types.int;
        }
        { y = 1; }
      ]).y;
    expected = 1;
  };

  "an option that nobody declared does not exist" = {
    expr = configOf [
      { options.a.x = option types.int; }
      (at "there.nix" { a.y = 1; })
      { a.x = 1; }
    ];
    says = "The option `a\\.y' does not exist.*there\\.nix";
  };

  "an option within a submodule that nobody declared does not exist" = {
    expr = valueOf (types.attrsOf (types.submodule { options.x = option types.int; })) [
      {
        a = {
          x = 1;
          y = 2;
        };
      }
    ];
    says = "The option `x\\.a\\.y' does not exist";
  };

  "a definition of another type is named with its place and its value" = {
    expr = configOf [
      { options.x = option types.int; }
      (at "there.nix" { x = "one"; })
    ];
    says = "A definition for option `x' is not of type `signed integer'.*there\\.nix.*one";
  };

  "a read-only option has its default and nothing else" = {
    expr = configOf [
      {
        options.x = mkOption {
          type = types.int;
          default = 1;
          readOnly = true;
        };
      }
      { x = 2; }
    ];
    says = "The option `x' is read-only, but it's set multiple times";
  };

  "a read-only option may be set once, where it has no default" = {
    expr = configOf [
      {
        options.x = mkOption {
          type = types.int;
          readOnly = true;
        };
        config.x = 2;
      }
    ];
    expected.x = 2;
  };

  "apply changes what is read and not what is defined" = {
    expr =
      let
        evaluated = lib.evalModules {
          modules = [
            {
              options.x = mkOption {
                type = types.int;
                apply = toString;
              };
            }
            { x = 1; }
          ];
        };
      in
      [
        evaluated.config.x
        evaluated.options.x.value
        evaluated.options.x.definitions
      ];
    expected = [
      "1"
      "1"
      [ 1 ]
    ];
  };

  "an option is declared once" = {
    expr = configOf [
      (at "here.nix" {
        options.x = mkOption {
          type = types.int;
          default = 1;
        };
      })
      (at "there.nix" {
        options.x = mkOption {
          type = types.int;
          default = 2;
        };
      })
    ];
    says = "The option `x' in `(here|there)\\.nix' is already declared in `(here|there)\\.nix'";
  };

  "a module that has options or config takes no definitions beside them" = {
    expr = configOf [
      {
        options.x = option types.int;
        x = 1;
      }
    ];
    says = "has an unsupported attribute `x'";
  };

  "freeform values join what is declared" = {
    expr = configOf [
      {
        freeformType = types.attrsOf types.int;
        options.x = mkOption {
          type = types.str;
          default = "declared";
        };
      }
      {
        y = mkIf true 1;
        z = mkIf false 2;
      }
      { y = mkDefault 3; }
    ];
    expected = {
      x = "declared";
      y = 1;
    };
  };

  "freeform values are held to their type" = {
    expr = configOf [
      { freeformType = types.attrsOf types.int; }
      { y = "one"; }
    ];
    says = "A definition for option `y' is not of type `signed integer'";
  };

  "freeform values may lie beside declared ones below" = {
    expr = configOf [
      {
        freeformType = types.attrsOf (types.attrsOf types.int);
        options.a.x = option types.int;
      }
      {
        a.x = 1;
        a.y = 2;
        b.z = 3;
      }
    ];
    expected = {
      a = {
        x = 1;
        y = 2;
      };
      b.z = 3;
    };
  };
}
