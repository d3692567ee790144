# The module system: modules declare options and define them, and what comes of all definitions of one is its value.
{ lib }:

let
  inherit (builtins)
    attrNames
    concatMap
    filter
    foldl'
    functionArgs
    head
    isAttrs
    isFunction
    length
    map
    mapAttrs
    ;
  inherit (lib)
    isOption
    mkIf
    mkOptionDefault
    mkOverride
    optional
    showDefs
    showOption
    unique
    ;

  # A module as { file, key, imports, options, config }.
  normal =
    args: file: module:
    if isFunction module then
      normal args file (
        module (
          args.special
          // mapAttrs (
            name: _: args.special.${name} or args.config._module.args.${name}
          ) (functionArgs module)
        )
      )
    else if !isAttrs module then
      normal args module (import module) // { key = toString module; }
    else
      let
        here = toString (module._file or file);
        isLong = module ? options || module ? config;
        plain = removeAttrs module [
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
            throw "Module `${here}' has an unsupported attribute `${head (attrNames plain)}': what it defines belongs into its `config', since it has `options' or `config'.";
      in
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
          found // { key = if found.key != null then found.key else "${parent}:${toString nth}"; }
        );
      found = builtins.genericClosure {
        startSet = keyed "" "<unknown-file>" modules;
        operator = module: keyed module.key module.file module.imports;
      };
    in
    lib.reverseList found;

  # Conditions and priorities of a whole set, moved to each of its attributes.
  pushDown =
    value:
    let
      type = value._type or null;
      each = wrap: map (mapAttrs (_: wrap)) (pushDown value.content);
    in
    if type == "merge" then
      concatMap pushDown value.contents
    else if type == "if" then
      each (mkIf value.condition)
    else if type == "override" then
      each (mkOverride value.priority)
    else
      [ value ];

  # What a definition comes to: conditions that do not hold drop out.
  discharge =
    value:
    let
      type = value._type or null;
    in
    if type == "merge" then
      concatMap discharge value.contents
    else if type == "if" then
      if value.condition then discharge value.content else [ ]
    else
      [ value ];

  # Definitions of the strongest priority there is.
  strongest =
    defs:
    let
      priorityOf = { value, ... }: if value._type or null == "override" then value.priority else 100;
      highestPrio = foldl' (least: def: lib.min least (priorityOf def)) 9999 defs;
      strip = def: if def.value._type or null == "override" then def // { value = def.value.content; } else def;
    in
    {
      inherit highestPrio;
      values = map strip (filter (def: priorityOf def == highestPrio) defs);
    };

  ordered =
    defs:
    let
      rankOf = { value, ... }: if value._type or null == "order" then value.priority else 1000;
      strip = def: if def.value._type or null == "order" then def // { value = def.value.content; } else def;
    in
    map strip (lib.sort (one: other: rankOf one < rankOf other) defs);

  # { isDefined, value, definitions, highestPrio } of definitions { file, value }.
  mergeDefinitions =
    loc: type: defs:
    let
      discharged = concatMap (
        def: map (value: { inherit (def) file; inherit value; }) (discharge def.value)
      ) defs;
      inherit (strongest discharged) highestPrio values;
      definitions = ordered values;
      wrong = filter (def: !type.check def.value) definitions;
    in
    {
      inherit highestPrio definitions;
      isDefined = discharged != [ ];
      value =
        if discharged == [ ] then
          throw "The option `${showOption loc}' was accessed but has no value defined. Try setting the option."
        else if wrong != [ ] then
          throw "A definition for option `${showOption loc}' is not of type `${type.description}'. Definition values:${showDefs wrong}"
        else
          type.merge loc definitions;
    };

  # An option with all that became of it.
  evalOption =
    loc: declarations: defs:
    let
      declared =
        if length declarations == 1 then
          (head declarations).option
        else
          throw "The option `${showOption loc}' in ${lib.showFiles [ (head declarations).file ]} is already declared in ${
            lib.showFiles (map ({ file, ... }: file) (builtins.tail declarations))
          }.";
      type = declared.type or lib.types.unspecified;
      defaults = optional (declared ? default) {
        file = (head declarations).file;
        value = mkOptionDefault declared.default;
      };
      all = defaults ++ defs;
      merged = mergeDefinitions loc type all;
    in
    declared
    // {
      inherit loc type;
      inherit (merged) highestPrio isDefined;
      declarations = map ({ file, ... }: file) declarations;
      definitionsWithLocations = merged.definitions;
      definitions = map ({ value, ... }: value) merged.definitions;
      files = map ({ file, ... }: file) merged.definitions;
      value =
        if declared.readOnly or false && length all > 1 then
          throw "The option `${showOption loc}' is read-only, but it's set multiple times. Definition values:${showDefs all}"
        else
          (declared.apply or (value: value)) merged.value;
    };

  # Options and what is defined without one, at one place of the tree.
  evalTree =
    loc: declarations: defs:
    let
      names = unique (concatMap ({ options, ... }: attrNames options) declarations);
      flat = concatMap (def: map (value: def // { inherit value; }) (pushDown def.value)) defs;
      at =
        name:
        let
          here = filter ({ options, ... }: options ? ${name}) declarations;
          there = map ({ file, options }: { inherit file; options = options.${name}; }) here;
          defined = concatMap (
            def: optional (def.value ? ${name}) (def // { value = def.value.${name}; })
          ) flat;
          loc' = loc ++ [ name ];
        in
        if isOption (head there).options then
          {
            options = evalOption loc' (map ({ file, options }: { inherit file; option = options; }) there) defined;
            strays = [ ];
          }
        else
          evalTree loc' there defined;
      trees = lib.genAttrs names at;
      # A set of what is undeclared here and below, for each definition that has any.
      strayAt = name: map ({ file, value }: { inherit file; value = { ${name} = value; }; }) trees.${name}.strays;
      here = filter ({ value, ... }: value != { }) (
        map (def: def // { value = removeAttrs def.value names; }) flat
      );
    in
    {
      options = mapAttrs (_: tree: tree.options) trees;
      strays = here ++ concatMap strayAt names;
    };

  valuesOf = options: mapAttrs (_: option: if isOption option then option.value else valuesOf option) options;

  # The path to the first thing in a set that these options do not have.
  pathIn =
    options: value:
    let
      name = head (attrNames value);
      below = options.${name} or null;
    in
    [ name ] ++ lib.optionals (below != null && !isOption below) (pathIn below value.${name});

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
  inherit mergeDefinitions;

  min = one: other: if one < other then one else other;

  # { config, options } of modules: paths, functions or sets.
  evalModules =
    {
      modules,
      specialArgs ? { },
      prefix ? [ ],
    }:
    let
      args = {
        inherit config;
        special = {
          inherit config lib;
          options = tree.options;
        }
        // specialArgs;
      };
      all = collect args ([ own ] ++ modules);
      tree = evalTree prefix (map ({ file, options, ... }: { inherit file options; }) all) (
        map ({ file, config, ... }: { inherit file; value = config; }) all
      );
      declared = valuesOf tree.options;
      freeform = tree.options._module.freeformType.value;
      stray = head tree.strays;
      config =
        if freeform != null then
          lib.recursiveUpdate (freeform.merge prefix tree.strays) declared
        else if tree.strays != [ ] then
          throw "The option `${showOption (prefix ++ pathIn tree.options stray.value)}' does not exist. Definition values:${showDefs [ stray ]}"
        else
          declared;
    in
    {
      inherit config;
      inherit (tree) options;
    };
}
