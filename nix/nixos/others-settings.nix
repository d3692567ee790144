# What other modules define for Nix's settings, found in the definitions, whatever the merged value
# is.
{ lib, options }:

let
  # Former names of settings.
  aliases = {
    binary-caches = "substituters";
    trusted-binary-caches = "trusted-substituters";
    binary-cache-public-keys = "trusted-public-keys";
    build-use-sandbox = "sandbox";
    build-use-chroot = "sandbox";
    build-fallback = "fallback";
    signed-binary-caches = "require-sigs";
  };

  # `extra-` adds to a setting.
  plainName =
    name:
    let
      plain = lib.removePrefix "extra-" name;
    in
    aliases.${plain} or plain;

  # The words of a value in nix.conf.
  words =
    value:
    if value == null then
      [ ]
    else if builtins.isList value then
      lib.concatMap words value
    else if builtins.isBool value then
      [ (lib.boolToString value) ]
    else
      lib.filter (word: builtins.isString word && word != "") (builtins.split "[[:space:]]+" (toString value));

  # Resolves a definition: false conditions drop out, and so do definitions weaker than usual.
  plain =
    value:
    let
      type = value._type or null;
    in
    if type == "if" then
      lib.optionals value.condition (plain value.content)
    else if type == "merge" then
      lib.concatMap plain value.contents
    else if type == "override" then
      lib.optionals (value.priority <= 100) (plain value.content)
    else if type == "order" then
      plain value.content
    else
      [ value ];

  isOurs = definition: lib.hasPrefix (toString ./.) (toString definition.file);

  definitionsOf = option: lib.filter (definition: !isOurs definition) option.definitionsWithLocations;

  # { name, value, file } for each setting of each module. Values stay lazy until that name is asked
  # for: a module may compute one setting from another.
  fromSettings = lib.concatMap (
    { file, value }:
    lib.concatMap (
      set:
      map (name: {
        name = plainName name;
        value = set.${name};
        inherit file;
      }) (lib.optionals (builtins.isAttrs set) (builtins.attrNames set))
    ) (plain value)
  ) (definitionsOf options.nix.settings);

  # { name, value, file } for each line of text; these come after all settings and override them.
  fromText = lib.concatMap (
    { file, value }:
    lib.concatMap (
      line:
      let
        parts = builtins.match "[[:space:]]*([a-z-]+)[[:space:]]*=([^#]*).*" line;
      in
      lib.optional (parts != null) {
        name = plainName (lib.head parts);
        value = lib.last parts;
        inherit file;
      }
    ) (lib.splitString "\n" value)
  ) (definitionsOf options.nix.extraOptions);

  # { words, file } of each definition of one setting.
  named =
    name:
    lib.concatMap (
      { value, file, ... }:
      map (said: {
        words = words said;
        inherit file;
      }) (plain value)
    ) (lib.filter (setting: setting.name == name) (fromSettings ++ fromText));
in
{
  inherit words;

  # Every word that others define for a setting.
  wordsFor = name: lib.concatMap (setting: setting.words) (named name);

  # Definitions of this setting with a word that is not in `allowed`: { words, file }.
  departing =
    name: allowed:
    lib.filter (setting: setting.words != [ ]) (
      map (setting: {
        inherit (setting) file;
        words = lib.subtractLists allowed setting.words;
      }) (named name)
    );
}
