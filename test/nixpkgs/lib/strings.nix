# Strings, programs, versions and files of settings.
{ lib }:

let
  # What stands for something else in a pattern.
  special = [
    "\\"
    "."
    "*"
    "+"
    "?"
    "("
    ")"
    "["
    "{"
    "|"
    "^"
    "$"
  ];
in
rec {
  concatMapStringsSep =
    between: f: list:
    builtins.concatStringsSep between (map f list);

  concatStrings = builtins.concatStringsSep "";

  stringToCharacters =
    text: builtins.genList (nth: builtins.substring nth 1 text) (builtins.stringLength text);

  concatLines = concatMapStringsSep "" (line: line + "\n");

  optionalString = condition: text: if condition then text else "";

  toInt = text: builtins.fromJSON text;

  boolToString = value: if value then "true" else "false";

  hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;

  removePrefix =
    prefix: text:
    if hasPrefix prefix text then
      builtins.substring (builtins.stringLength prefix) (builtins.stringLength text - builtins.stringLength prefix) text
    else
      text;

  hasSuffix =
    suffix: text:
    let
      length = builtins.stringLength text - builtins.stringLength suffix;
    in
    length >= 0 && builtins.substring length (-1) text == suffix;

  removeSuffix =
    suffix: text:
    if hasSuffix suffix text then
      builtins.substring 0 (builtins.stringLength text - builtins.stringLength suffix) text
    else
      text;

  # Parts are cut at each place where the separator stands, which is a text and no pattern.
  splitString =
    separator: text:
    builtins.filter builtins.isString (builtins.split (escape special separator) text);

  escape = characters: builtins.replaceStrings characters (map (character: "\\" + character) characters);

  escapeShellArg =
    argument:
    if builtins.match "[0-9A-Za-z,._+:@%/-]+" (toString argument) != null then
      toString argument
    else
      "'" + builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString argument) + "'";

  escapeShellArgs = concatMapStringsSep " " escapeShellArg;

  versionAtLeast = version: least: builtins.compareVersions version least >= 0;

  versionOlder = version: other: builtins.compareVersions version other < 0;

  # Of a package, or of its name as Nix has it: name-version.
  getName =
    package:
    if builtins.isString package then
      (builtins.parseDrvName package).name
    else
      package.pname or (getName package.name);

  getVersion =
    package:
    if builtins.isString package then
      (builtins.parseDrvName package).version
    else
      package.version or (getVersion package.name);

  getBin = package: package;

  getExe' = package: program: "${package}/bin/${program}";

  getExe = package: getExe' package (package.meta.mainProgram or (getName package));

  importJSON = file: builtins.fromJSON (builtins.readFile file);

  importTOML = file: builtins.fromTOML (builtins.readFile file);
}
