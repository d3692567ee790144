# Types of options: what a value may be (check, description), and what comes of several definitions of it (merge).
{ lib }:

let
  inherit (builtins)
    all
    attrNames
    concatMap
    concatStringsSep
    elem
    filter
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
    map
    mapAttrs
    match
    ;
  inherit (lib) mergeDefinitions showDefs showOption;

  valuesOf = map ({ value, ... }: value);

  # All have to say the same.
  mergeEqual =
    loc: defs:
    if all (value: value == (head defs).value) (valuesOf defs) then
      (head defs).value
    else
      throw "The option `${showOption loc}' has conflicting definition values:${showDefs defs}";

  make =
    {
      name,
      description ? name,
      check ? (_: true),
      merge ? mergeEqual,
      getSubOptions ? (_: { }),
    }:
    {
      _type = "option-type";
      inherit
        name
        description
        check
        merge
        getSubOptions
        ;
    };

  isText = value: isString value || (isAttrs value && value ? outPath) || isPath value;
  quoted = value: if isString value then ''"${value}"'' else toString value;

  inRange =
    what: holds:
    make {
      name = "int";
      description = what;
      check = value: isInt value && holds value;
    };

  elementsOf =
    type: loc: defs:
    concatMap (
      { nth, def }:
      lib.imap1 (
        mth: value:
        mergeDefinitions (loc ++ [ "[definition ${toString nth}-entry ${toString mth}]" ]) type [
          {
            inherit (def) file;
            inherit value;
          }
        ]
      ) def.value
    ) (lib.imap1 (nth: def: { inherit nth def; }) defs);

  attributesOf =
    type: loc: defs:
    mapAttrs (name: mergeDefinitions (loc ++ [ name ]) type) (
      lib.zipAttrs (
        map (
          { file, value }:
          mapAttrs (_: value: { inherit file value; }) value
        ) defs
      )
    );

  types = rec {
    unspecified = make {
      name = "unspecified";
      description = "unspecified value";
      merge = lib.types.anything.merge;
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
        if all isAttrs (valuesOf defs) && !lib.any lib.isDerivation (valuesOf defs) then
          mapAttrs (_: found: found.value) (attributesOf anything loc defs)
        else if all isList (valuesOf defs) && length defs > 1 then
          lib.concatLists (valuesOf defs)
        else if length defs == 1 then
          (head defs).value
        else
          mergeEqual loc defs;
    };

    attrs = make {
      name = "attrs";
      description = "attribute set";
      check = isAttrs;
      merge = _: defs: lib.foldl' (all: value: all // value) { } (valuesOf defs);
    };

    bool = make {
      name = "bool";
      description = "boolean";
      check = isBool;
    };

    int = inRange "signed integer" (_: true);
    float = make {
      name = "float";
      description = "floating point number";
      check = isFloat;
    };
    port = inRange "16 bit unsigned integer; between 0 and 65535 (both inclusive)" (
      value: value >= 0 && value <= 65535
    );
    ints = {
      unsigned = inRange "unsigned integer, meaning >=0" (value: value >= 0);
      positive = inRange "positive integer, meaning >0" (value: value > 0);
      between =
        least: most:
        inRange "integer between ${toString least} and ${toString most} (both inclusive)" (
          value: value >= least && value <= most
        );
    };

    str = make {
      name = "str";
      description = "string";
      check = isString;
    };

    nonEmptyStr = make {
      name = "nonEmptyStr";
      description = "non-empty string";
      check = value: isString value && match "[ \t\n]*" value == null;
    };

    singleLineStr = strMatching "[^\n\r]*\n?" // {
      description = "(optionally newline-terminated) single-line string";
    };

    strMatching =
      pattern:
      make {
        name = "strMatching";
        description = "string matching the pattern ${pattern}";
        check = value: isString value && match pattern value != null;
      };

    lines = make {
      name = "separatedString";
      description = "strings concatenated with \"\\n\"";
      check = isString;
      merge = _: defs: concatStringsSep "\n" (valuesOf defs);
    };

    path = make {
      name = "path";
      description = "absolute path";
      check = value: isText value && lib.hasPrefix "/" (toString value);
    };

    package = make {
      name = "package";
      check = value: lib.isDerivation value || (isText value && lib.hasPrefix builtins.storeDir (toString value));
    };

    enum =
      values:
      make {
        name = "enum";
        description = "one of ${lib.concatMapStringsSep ", " quoted values}";
        check = value: elem value values;
      };

    nullOr =
      type:
      make {
        name = "nullOr";
        description = "null or ${type.description}";
        check = value: value == null || type.check value;
        inherit (type) getSubOptions;
        merge =
          loc: defs:
          if all (value: value == null) (valuesOf defs) then
            null
          else if lib.any (value: value == null) (valuesOf defs) then
            throw "The option `${showOption loc}' is defined both null and not null, in ${lib.showFiles (map ({ file, ... }: file) defs)}."
          else
            type.merge loc defs;
      };

    listOf =
      type:
      make {
        name = "listOf";
        description = "list of ${type.description}";
        check = isList;
        getSubOptions = prefix: type.getSubOptions (prefix ++ [ "*" ]);
        merge =
          loc: defs:
          map ({ value, ... }: value) (filter ({ isDefined, ... }: isDefined) (elementsOf type loc defs));
      };

    nonEmptyListOf =
      type:
      addCheck (listOf type) (list: list != [ ])
      // {
        description = "non-empty ${(listOf type).description}";
      };

    attrsOf =
      type:
      make {
        name = "attrsOf";
        description = "attribute set of ${type.description}";
        check = isAttrs;
        getSubOptions = prefix: type.getSubOptions (prefix ++ [ "<name>" ]);
        merge =
          loc: defs:
          mapAttrs (_: found: found.value) (
            lib.filterAttrs (_: found: found.isDefined) (attributesOf type loc defs)
          );
      };

    # Like attrsOf, but which attributes there are does not depend on conditions.
    lazyAttrsOf =
      type:
      attrsOf type
      // {
        name = "lazyAttrsOf";
        description = "lazy attribute set of ${type.description}";
        merge = loc: defs: mapAttrs (_: found: found.value) (attributesOf type loc defs);
      };

    either =
      one: other:
      make {
        name = "either";
        description = "${one.description} or ${other.description}";
        check = value: one.check value || other.check value;
        merge =
          loc: defs:
          if all one.check (valuesOf defs) then
            one.merge loc defs
          else if all other.check (valuesOf defs) then
            other.merge loc defs
          else
            mergeEqual loc defs;
      };

    oneOf = list: lib.foldl' either (head list) (builtins.tail list);

    coercedTo =
      from: convert: to:
      make {
        name = "coercedTo";
        description = "${to.description} or ${from.description} convertible to it";
        check = value: (from.check value && to.check (convert value)) || to.check value;
        inherit (to) getSubOptions;
        merge =
          loc: defs:
          to.merge loc (
            map (
              def: if from.check def.value then def // { value = convert def.value; } else def
            ) defs
          );
      };

    addCheck = type: holds: type // { check = value: type.check value && holds value; };

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
      in
      make {
        name = "submodule";
        check = value: isAttrs value || isFunction value || isPath value;
        getSubOptions = prefix: removeAttrs (evaluate prefix [ ]).options [ "_module" ];
        merge =
          loc: defs:
          removeAttrs
            (evaluate loc (
              map (
                { file, value }:
                if isAttrs value then
                  {
                    _file = file;
                    config = value;
                  }
                else
                  {
                    _file = file;
                    imports = [ value ];
                  }
              ) defs
            )).config
            [ "_module" ];
      };
  };
in
types
