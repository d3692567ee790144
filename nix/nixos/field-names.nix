# Names of options and of the fields of policy.toml: `acceptGraph` is `accept-graph` there.
{ lib }:

let
  capitals = lib.stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  small = lib.stringToCharacters "abcdefghijklmnopqrstuvwxyz";
in
rec {
  # The field that an option sets.
  fieldOf = lib.replaceStrings capitals (map (letter: "-${letter}") small);

  # The option that sets a field.
  optionOf =
    lib.replaceStrings (map (letter: "-${letter}") small) capitals;

  # A set with the names of the file. Only its own names are changed: below it, names may be
  # those of people.
  toFields = lib.mapAttrs' (name: lib.nameValuePair (fieldOf name));
}
