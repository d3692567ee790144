# The text of systemd units, as far as it says how a service is started (systemd.syntax(7)).
{ lib }:

let
  words =
    value: lib.filter (word: builtins.isString word && word != "") (builtins.split "[[:space:]]+" value);
in
{
  inherit words;

  # The assignments in a unit's text: { key, value }. A backslash at its end continues a line.
  assignments =
    text:
    lib.concatMap (
      line:
      let
        found = builtins.match "[[:space:]]*([A-Za-z]+)[[:space:]]*=[[:space:]]*(.*)" line;
      in
      lib.optional (found != null) {
        key = lib.head found;
        value = lib.last found;
      }
    ) (lib.splitString "\n" (lib.replaceStrings [ "\\\n" ] [ " " ] text));

  # Whether a value of Environment= gives a variable a value that is not empty.
  setsVariable =
    name: value: builtins.match "(.*[[:space:]\"'])?${name}=[^[:space:]\"'].*" value != null;
}
