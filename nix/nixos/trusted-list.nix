# Reads a trusted list that somebody else maintains. It may define principals and groups, but not
# what they are trusted for.
{ lib }:

file:

let
  list = lib.importTOML file;

  known = [
    "principals"
    "groups"
    "revocations"
  ];
  strange = lib.subtractLists known (builtins.attrNames list);

  # Relative to the list's own directory.
  absolute =
    name: if builtins.isString name && !lib.hasPrefix "/" name then dirOf file + "/${name}" else name;

  readKey =
    key:
    if !builtins.isAttrs key then
      key
    else
      lib.mapAttrs (
        name: value:
        if name == "certificate" || name == "trusted-root" then absolute value else value
      ) key;
in
if strange != [ ] then
  throw "security.nixsig.trustedLists: ${toString file} has ${lib.head strange}; a trusted list has ${lib.concatStringsSep ", " known}, and what these are trusted for is yours to say"
else
  {
    principals = lib.mapAttrs (
      _: principal:
      principal
      // lib.optionalAttrs (principal ? keys) { keys = map readKey principal.keys; }
    ) (list.principals or { });
    groups = list.groups or { };
    revocations = list.revocations or [ ];
  }
