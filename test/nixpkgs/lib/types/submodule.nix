# Sets with options of their own.
{ lib, tools }:

{
  submodule =
    module:
    let
      modules = lib.toList module;

      evaluate =
        prefix: more:
        lib.evalModules {
          inherit prefix;
          modules = modules ++ [ { _module.args.name = lib.last prefix; } ] ++ more;
        };

      # A set is all definitions, whatever its attributes are called; a function or a path is a module.
      asModule =
        { file, value, ... }:
        {
          _file = file;
        }
        // (if builtins.isAttrs value then { config = value; } else { imports = [ value ]; });

      freeform = (evaluate [ "<name>" ] [ ]).options._module.freeformType.value;
    in
    tools.make {
      name = "submodule";
      description =
        if freeform == null then
          "submodule"
        else
          "open submodule of ${tools.phrase "noun composite" freeform}";
      descriptionClass = null;
      check = value: builtins.isAttrs value || builtins.isFunction value || builtins.isPath value;
      getSubOptions = prefix: removeAttrs (evaluate prefix [ ]).options [ "_module" ];
      merge = loc: defs: removeAttrs (evaluate loc (map asModule defs)).config [ "_module" ];
    };
}
