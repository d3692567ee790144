# Reads a trusted list that somebody else maintains: a file, or { url, hash } of one. It may define
# principals and groups, but not what they are trusted for.
{ lib }:

source:

let
  isFetched = builtins.isAttrs source && source ? url;
  file =
    if isFetched then
      builtins.fetchurl {
        inherit (source) url;
        name = "trusted-list.toml";
        sha256 = source.hash;
      }
    else
      source;
  name = if isFetched then source.url else toString file;
  fail = problem: throw "security.nixsig.trustedLists: ${name} ${problem}";

  list = lib.importTOML file;

  known = [
    "principals"
    "groups"
    "revocations"
  ];
  strange = lib.subtractLists known (builtins.attrNames list);

  # Relative to the list's own directory.
  absolute =
    relative:
    if !builtins.isString relative || lib.hasPrefix "/" relative then
      relative
    else if isFetched then
      fail "names the file ${relative} beside it, and by URL only the list itself is fetched; fetch the directory that has both, as a flake's input is, and name the list in it"
    else
      dirOf file + "/${relative}";

  readKey =
    key:
    if !builtins.isAttrs key then
      key
    else
      lib.mapAttrs (
        field: value:
        if field == "certificate" || field == "trusted-root" then absolute value else value
      ) key;
in
if strange != [ ] then
  fail "has ${lib.head strange}; a trusted list has ${lib.concatStringsSep ", " known}, and what these are trusted for is yours to say"
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
