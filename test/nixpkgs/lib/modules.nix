# The module system: modules declare options and define them, and what comes of all definitions of one is its value.
{ lib }:

let
  # A module as { file, key, imports, options, config }.
  normal =
    args: file: module:
    if builtins.isFunction module then
      normal args file (
        module (
          args.special
          // builtins.mapAttrs (name: _: args.special.${name} or args.config._module.args.${name}) (
            builtins.functionArgs module
          )
        )
      )
    else if !builtins.isAttrs module then
      normal args module (import module) // { key = toString module; }
    else
      let
        here = toString (module._file or file);
        isLong = module ? options || module ? config;
        plain = removeAttrs module [
          "_class"
          "_file"
          "key"
          "imports"
          "options"
          "config"
          "freeformType"
        ];
        config =
          if !isLong then
            plain
          else if plain == { } then
            module.config or { }
          else
            throw ''
              Module `${here}' has an unsupported attribute `${builtins.head (builtins.attrNames plain)}': a module with `options' or `config'
              has what it defines in its `config'.'';
        kind = module._class or null;
      in
      if kind != null && args.class != null && kind != args.class then
        throw "The module `${here}' (class: ${builtins.toJSON kind}) cannot be imported into a module evaluation that expects class ${builtins.toJSON args.class}."
      else
      {
        file = here;
        key = module.key or null;
        imports = module.imports or [ ];
        options = module.options or { };
        config =
          if module ? freeformType then
            lib.mkMerge [
              config
              { _module.freeformType = module.freeformType; }
            ]
          else
            config;
      };

  # All modules that these lead to, each once. As in nixpkgs, those that lead there come after them, and the first last.
  collect =
    args: modules:
    let
      # Whoever has no file of its own is told apart by its place.
      keyed =
        parent: file:
        lib.imap1 (
          nth: module:
          let
            found = normal args file module;
          in
          found
          // {
            key = if found.key != null then found.key else "${parent}:${toString nth}";
          }
        );
      found = builtins.genericClosure {
        startSet = keyed "" "<unknown-file>" modules;
        operator = module: keyed module.key module.file module.imports;
      };
    in
    lib.reverseList found;

  # An option with all that became of it.
  evalOption =
    loc: declarations: defs:
    let
      name = "`${lib.showOption loc}'";
      files = map ({ file, ... }: file) declarations;
      first = lib.showFiles [ (builtins.head files) ];
      others = lib.showFiles (builtins.tail files);
      declared =
        if builtins.length declarations == 1 then
          (builtins.head declarations).options
        else
          throw "The option ${name} in ${first} is already declared in ${others}.";
      type = declared.type or lib.types.unspecified;
      defaults = lib.optional (declared ? default) {
        file = builtins.head files;
        value = lib.mkOptionDefault declared.default;
      };
      all = defaults ++ defs;
      merged = lib.mergeDefinitions loc type all;
    in
    declared
    // {
      inherit loc type;
      inherit (merged) highestPrio isDefined;
      declarations = files;
      definitionsWithLocations = merged.definitions;
      definitions = map ({ value, ... }: value) merged.definitions;
      files = map ({ file, ... }: file) merged.definitions;
      value =
        if declared.readOnly or false && builtins.length all > 1 then
          throw "The option ${name} is read-only, but it's set multiple times. Definition values:${lib.showDefs all}"
        else
          (declared.apply or (value: value)) merged.value;
    };

  # Options and what is defined without one, at one place of the tree.
  evalTree =
    loc: declarations: defs:
    let
      names = lib.unique (builtins.concatMap ({ options, ... }: builtins.attrNames options) declarations);
      flat = builtins.concatMap (def: map (value: def // { inherit value; }) (lib.pushDown def.value)) defs;
      at =
        name:
        let
          here = builtins.filter ({ options, ... }: options ? ${name}) declarations;
          there = map (declaration: declaration // { options = declaration.options.${name}; }) here;
          defined = map (def: def // { value = def.value.${name}; }) (
            builtins.filter ({ value, ... }: value ? ${name}) flat
          );
          loc' = loc ++ [ name ];
        in
        if lib.isOption (builtins.head there).options then
          {
            options = evalOption loc' there defined;
            strays = [ ];
          }
        else
          evalTree loc' there defined;
      trees = lib.genAttrs names at;
      # A set of what is undeclared here and below, for each definition that has any.
      strayAt = name: map (def: def // { value.${name} = def.value; }) trees.${name}.strays;
      here = builtins.filter ({ value, ... }: value != { }) (
        map (def: def // { value = removeAttrs def.value names; }) flat
      );
    in
    {
      options = builtins.mapAttrs (_: tree: tree.options) trees;
      strays = here ++ builtins.concatMap strayAt names;
    };

  valuesOf = builtins.mapAttrs (_: option: if lib.isOption option then option.value else valuesOf option);

  # The path to the first thing in a set that these options do not have.
  pathIn =
    options: value:
    let
      name = builtins.head (builtins.attrNames value);
      below = options.${name} or null;
    in
    [ name ] ++ lib.optionals (below != null && !lib.isOption below) (pathIn below value.${name});

  # What every set of modules has.
  own = {
    _file = "lib/modules.nix";
    options._module = {
      args = lib.mkOption {
        type = lib.types.lazyAttrsOf lib.types.raw;
        default = { };
      };
      freeformType = lib.mkOption {
        type = lib.types.raw;
        default = null;
      };
    };
  };
in
{
  # { config, options } of modules: paths, functions or sets.
  evalModules =
    {
      modules,
      specialArgs ? { },
      prefix ? [ ],
      class ? null,
    }:
    let
      args = {
        inherit class config;
        special = {
          inherit config lib;
          options = tree.options;
        }
        // specialArgs;
      };
      all = collect args ([ own ] ++ modules);
      declarations = map ({ file, options, ... }: { inherit file options; }) all;
      definitions = map (
        { file, config, ... }:
        {
          inherit file;
          value = config;
        }
      ) all;
      tree = evalTree prefix declarations definitions;
      declared = valuesOf tree.options;
      freeform = tree.options._module.freeformType.value;
      stray = builtins.head tree.strays;
      unknown = lib.showOption (prefix ++ pathIn tree.options stray.value);
      config =
        if freeform != null then
          lib.recursiveUpdate (freeform.merge prefix tree.strays) declared
        else if tree.strays != [ ] then
          throw "The option `${unknown}' does not exist. Definition values:${lib.showDefs [ stray ]}"
        else
          declared;
    in
    {
      inherit config;
      inherit (tree) options;
    };
}
