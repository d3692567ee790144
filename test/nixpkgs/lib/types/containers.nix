# Types of lists and sets whose parts have a type each, and are merged by it.
{ lib, tools }:

let
  # A list's parts, each by its own definition alone: { isDefined, value, … }.
  elementsOf =
    type: loc: defs:
    builtins.concatMap (
      { nth, def }:
      lib.imap1 (
        mth: value:
        lib.mergeDefinitions (loc ++ [ "[definition ${toString nth}-entry ${toString mth}]" ]) type [
          {
            inherit (def) file;
            inherit value;
          }
        ]
      ) def.value
    ) (lib.imap1 (nth: def: { inherit nth def; }) defs);

  # A set's parts, each by all definitions that have it.
  attributesOf =
    type: loc: defs:
    builtins.mapAttrs (name: lib.mergeDefinitions (loc ++ [ name ]) type) (
      lib.zipAttrs (map ({ file, value, ... }: builtins.mapAttrs (_: value: { inherit file value; }) value) defs)
    );

  parts = "noun composite";
in
rec {
  listOf =
    type:
    tools.make {
      name = "listOf";
      description = "list of ${tools.phrase parts type}";
      descriptionClass = "composite";
      check = builtins.isList;
      getSubOptions = prefix: type.getSubOptions (prefix ++ [ "*" ]);
      merge =
        loc: defs:
        map ({ value, ... }: value) (builtins.filter ({ isDefined, ... }: isDefined) (elementsOf type loc defs));
    };

  nonEmptyListOf =
    type:
    lib.types.addCheck (listOf type) (list: list != [ ])
    // {
      description = "non-empty ${tools.phrase "noun" (listOf type)}";
    };

  attrsOf =
    type:
    tools.make {
      name = "attrsOf";
      description = "attribute set of ${tools.phrase parts type}";
      descriptionClass = "composite";
      check = builtins.isAttrs;
      getSubOptions = prefix: type.getSubOptions (prefix ++ [ "<name>" ]);
      merge =
        loc: defs:
        builtins.mapAttrs (_: found: found.value) (
          lib.filterAttrs (_: found: found.isDefined) (attributesOf type loc defs)
        );
    };

  # Like attrsOf, but which attributes there are does not depend on conditions.
  lazyAttrsOf =
    type:
    attrsOf type
    // {
      name = "lazyAttrsOf";
      description = "lazy attribute set of ${tools.phrase parts type}";
      merge = loc: defs: builtins.mapAttrs (_: found: found.value) (attributesOf type loc defs);
    };
}
