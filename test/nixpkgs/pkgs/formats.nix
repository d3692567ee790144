# formats.toml: `type`, what an option of such settings may be, and `generate`, the file that has them. Where nixpkgs
# runs a program that writes TOML, this prints it in the Nix language, and never leaves a null out in silence.
{ lib }:
final: prev:

let
  # JSON's strings are TOML's basic strings, but for the one control character that JSON lets stand.
  delete = builtins.fromJSON ''"\u007f"'';
  string = text: builtins.replaceStrings [ delete ] [ "\\u007F" ] (builtins.toJSON text);

  key = name: if builtins.match "[A-Za-z0-9_-]+" name != null then name else string name;

  isTable = value: builtins.isAttrs value && !(value ? outPath);
  isTables = value: builtins.isList value && value != [ ] && builtins.all isTable value;

  inline =
    value:
    if value == null then
      throw "formats.toml: TOML has no null"
    else if isTable value then
      "{ ${builtins.concatStringsSep ", " (map (name: "${key name} = ${inline value.${name}}") (builtins.attrNames value))} }"
    else if builtins.isList value then
      "[${builtins.concatStringsSep ", " (map inline value)}]"
    else if builtins.isBool value || builtins.isInt value || builtins.isFloat value then
      builtins.toJSON value
    else
      string value;

  # The keys of a table come before the tables under it, which would swallow them.
  table =
    path: value:
    let
      names = builtins.attrNames value;
      under = name: path ++ [ (key name) ];
      header = name: builtins.concatStringsSep "." (under name);
      plain = builtins.filter (name: !isTable value.${name} && !isTables value.${name}) names;
      tables = builtins.filter (name: isTable value.${name}) names;
      lists = builtins.filter (name: isTables value.${name}) names;
    in
    map (name: "${key name} = ${inline value.${name}}\n") plain
    ++ lib.concatMap (name: [ "\n[${header name}]\n" ] ++ table (under name) value.${name}) tables
    ++ lib.concatMap (
      name: lib.concatMap (each: [ "\n[[${header name}]]\n" ] ++ table (under name) each) value.${name}
    ) lists;

  types = lib.types;
  anything =
    types.oneOf [
      types.bool
      types.int
      types.str
      types.path
      (types.attrsOf anything)
      (types.listOf anything)
    ]
    // {
      description = "TOML value";
    };
in
{
  formats = prev.formats or { } // {
    toml =
      { }:
      {
        type = anything;
        generate = name: value: final.writeText name (builtins.concatStringsSep "" (table [ ] value));
      };
  };
}
