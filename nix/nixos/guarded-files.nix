# Files that builds and Nix itself must not have.
{ lib }:

let
  state = [
    [
      "var"
      "lib"
      "nixsig"
    ]
    [
      "run"
      "nixsig"
    ]
  ];

  # The names in a path, without `.`, `..` and repeated slashes.
  namesIn =
    path:
    lib.foldl' (
      before: name:
      if name == "" || name == "." then
        before
      else if name == ".." then
        lib.take (lib.length before - 1) before
      else
        before ++ [ name ]
    ) [ ] (lib.splitString "/" path);

  begins = start: names: lib.take (lib.length start) names == start;

  # What a sandbox path shows: PATH or TARGET=PATH, each with an optional `?` at its end.
  shownBy =
    word:
    let
      plain = lib.removeSuffix "?" word;
      parts = builtins.match "[^=]*=(.*)" plain;
    in
    namesIn (if parts == null then plain else lib.head parts);
in
{
  # Whether a file is in nixsig's state directory.
  isState = path: lib.any (directory: begins directory (namesIn path)) state;

  # Whether a word of `sandbox-paths` shows a build nixsig's state: a directory in it, or one above.
  exposesState =
    word:
    let
      names = shownBy word;
    in
    lib.any (directory: begins directory names || begins names directory) state;
}
