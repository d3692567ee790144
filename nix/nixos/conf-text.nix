# The text of nix.conf, read and written as Nix does (Nix manual, "nix.conf"): a line sets a
# setting, adds to one (`extra-`), or includes a file; `#` begins a comment anywhere.
{ lib }:

let
  # Former names that Nix still takes.
  aliases = {
    binary-caches = "substituters";
    trusted-binary-caches = "trusted-substituters";
    binary-cache-public-keys = "trusted-public-keys";
    build-use-sandbox = "sandbox";
    build-use-chroot = "sandbox";
    build-sandbox-paths = "sandbox-paths";
    build-chroot-dirs = "sandbox-paths";
    build-fallback = "fallback";
    signed-binary-caches = "require-sigs";
  };

  isAddition = lib.hasPrefix "extra-";

  plainName =
    name:
    let
      plain = lib.removePrefix "extra-" name;
    in
    aliases.${plain} or plain;

  words =
    text: lib.filter (word: builtins.isString word && word != "") (builtins.split "[ \t\r\n]+" text);

  # A line without spaces around `=` is one for which Nix refuses the whole file. It is taken as what
  # its author meant, so that the message is about that.
  readLine =
    line:
    let
      content = lib.head (lib.splitString "#" line);
      setting = builtins.match "[ \t\r]*([^= \t\r]+)[ \t\r]*=(.*)" content;
      all = words content;
    in
    if all == [ ] then
      [ ]
    else if lib.elem (lib.head all) [
      "include"
      "!include"
    ] then
      [ { include = lib.concatStringsSep " " (lib.tail all); } ]
    else if setting != null then
      [
        {
          name = plainName (lib.head setting);
          isAddition = isAddition (lib.head setting);
          words = words (lib.last setting);
        }
      ]
    else
      [ ];

  # A value in the form that NixOS gives it.
  print =
    value:
    if value == null then
      ""
    else if builtins.isBool value then
      lib.boolToString value
    else
      toString value;

  line = name: value: "${name} = ${print value}\n";

  write = settings: lib.concatStrings (lib.mapAttrsToList line settings);
in
{
  # The lines of a text: { name, isAddition, words } or { include }.
  read = text: lib.concatMap readLine (lib.splitString "\n" text);

  # Settings by every name that Nix takes for them, with nothing to add to them.
  everyName =
    settings:
    lib.mapAttrs' (name: _: lib.nameValuePair "extra-${name}" "") settings
    // lib.mapAttrs (_: plain: settings.${plain}) (
      lib.filterAttrs (_: plain: settings ? ${plain}) aliases
    )
    // settings;

  isAlias = name: aliases ? ${lib.removePrefix "extra-" name};

  # The text of settings as NixOS writes it: additions come last. A value with a line break becomes
  # two lines.
  print =
    settings:
    write (lib.filterAttrs (name: _: !isAddition name) settings)
    + write (lib.filterAttrs (name: _: isAddition name) settings);

  inherit line;

  # What these lines together give a setting: { isSet, words }.
  valueOf =
    lines: name:
    lib.foldl'
      (
        before: line:
        if line.name or null != name then
          before
        else
          {
            isSet = true;
            words = lib.optionals line.isAddition before.words ++ line.words;
          }
      )
      {
        isSet = false;
        words = [ ];
      }
      lines;

  includesIn = lines: map (line: line.include) (lib.filter (line: line ? include) lines);
}
