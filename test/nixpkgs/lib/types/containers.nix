# Types of lists and sets whose parts have a type each, and are merged by it.
{ lib, tools }:

let
  inherit (builtins)
    concatMap
    filter
    isAttrs
    isList
    mapAttrs
    ;
  inherit (lib) imap1 mergeDefinitions;
  inherit (tools) make phrase;

  # A list's parts, each by its own definition alone: { isDefined, value, … }.
  elementsOf =
    type: loc: defs:
    concatMap (
      { nth, def }:
      imap1 (
        mth: value:
        mergeDefinitions (loc ++ [ "[definition ${toString nth}-entry ${toString mth}]" ]) type [
          {
            inherit (def) file;
            inherit value;
          }
        ]
      ) def.value
    ) (imap1 (nth: def: { inherit nth def; }) defs);

  # A set's parts, each by all definitions that have it.
  attributesOf =
    type: loc: defs:
    mapAttrs (name: mergeDefinitions (loc ++ [ name ]) type) (
      lib.zipAttrs (map ({ file, value }: mapAttrs (_: value: { inherit file value; }) value) defs)
    );

  parts = [
    "noun"
    "composite"
  ];
in
rec {
  listOf =
    type:
    make {
      name = "listOf";
      description = "list of ${phrase parts type}";
      descriptionClass = "composite";
      check = isList;
      getSubOptions = prefix: type.getSubOptions (prefix ++ [ "*" ]);
      merge =
        loc: defs:
        map ({ value, ... }: value) (filter ({ isDefined, ... }: isDefined) (elementsOf type loc defs));
    };

  nonEmptyListOf =
    type:
    lib.types.addCheck (listOf type) (list: list != [ ])
    // {
      description = "non-empty ${phrase [ "noun" ] (listOf type)}";
    };

  attrsOf =
    type:
    make {
      name = "attrsOf";
      description = "attribute set of ${phrase parts type}";
      descriptionClass = "composite";
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
      description = "lazy attribute set of ${phrase parts type}";
      merge = loc: defs: mapAttrs (_: found: found.value) (attributesOf type loc defs);
    };
}
