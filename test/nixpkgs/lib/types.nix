# Types of options: what a value may be (check, description), and what comes of several definitions of it (merge).
{ lib }:

let
  tools = rec {
    valuesOf = map ({ value, ... }: value);

    # All have to say the same.
    mergeEqual =
      loc: defs:
      if builtins.all (value: value == (builtins.head defs).value) (valuesOf defs) then
        (builtins.head defs).value
      else
        throw "The option `${lib.showOption loc}' has conflicting definition values:${lib.showDefs defs}";

    # The class of a description tells where it can stand in another one without parentheses: a "noun" anywhere, a
    # "composite" (of one kind of parts) and a "conjunction" (of alternatives) in some places, without a class nowhere.
    make =
      type:
      {
        _type = "option-type";
        description = type.name;
        descriptionClass = "noun";
        check = _: true;
        merge = mergeEqual;
        getSubOptions = _: { };
      }
      // type;

    # The description of a type within that of another, in which these classes, divided by spaces, need no parentheses.
    phrase =
      classes: type:
      if builtins.elem (type.descriptionClass or null) (lib.splitString " " classes) then
        type.description
      else
        "(${type.description})";
  };

  types =
    import ./types/plain.nix { inherit lib tools; }
    // import ./types/alternatives.nix { inherit lib tools; }
    // import ./types/containers.nix { inherit lib tools; }
    // import ./types/submodule.nix { inherit lib tools; };
in
types
