# What modules other than nixsig's want of Nix, and in which file they say so.
{ lib, options }:

let
  conf = import ./conf-text.nix { inherit lib; };

  isOurs = definition: lib.hasPrefix "${toString ./.}/" (toString definition.file);

  # The definitions of an option that are not ours: { file, value }. The module system may know more
  # of a definition than these two.
  definitionsOf =
    option:
    map (definition: { inherit (definition) file value; }) (
      lib.filter (definition: !isOurs definition) option.definitionsWithLocations
    );

  # Takes lib.mkIf, mkMerge, mkForce, mkAfter and the like off a value.
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
      # Weaker than usual definitions give way.
      lib.optionals (value.priority <= 100) (plain value.content)
    else if type == "order" then
      plain value.content
    else if type == "definition" then
      plain value.value
    else
      [ value ];

  # The values below a path of attributes in definitions of a set: { file, value }.
  below =
    path: definitions:
    lib.concatMap (
      { file, value, ... }:
      lib.concatMap (
        found:
        if path == [ ] then
          [
            {
              inherit file;
              value = found;
            }
          ]
        else if builtins.isAttrs found && found ? ${lib.head path} then
          below (lib.tail path) [
            {
              inherit file;
              value = found.${lib.head path};
            }
          ]
        else
          [ ]
      ) (plain value)
    ) definitions;

  settings = definitionsOf options.nix.settings;
  texts = definitionsOf options.nix.extraOptions;
  text = lib.concatMapStringsSep "\n" ({ value, ... }: value) texts;

  # The lines of nix.conf that single definitions amount to, with their files. Only for messages.
  saidInSettings = lib.concatMap (
    { file, value, ... }:
    lib.concatMap (
      name:
      map (found: {
        inherit file;
        lines = conf.read (
          conf.line name (if builtins.isList found then lib.concatMap plain found else found)
        );
      }) (plain value.${name})
    ) (builtins.attrNames value)
  ) (lib.filter ({ value, ... }: builtins.isAttrs value) (below [ ] settings));

  # Definitions that are modules of their own, into which nobody sees here.
  modules = lib.filter ({ value, ... }: !builtins.isAttrs value) (below [ ] settings);

  said =
    saidInSettings
    ++ map ({ file, value, ... }: {
      inherit file;
      lines = conf.read value;
    }) texts;
in
{
  inherit below;

  # The files whose definitions name a setting with one of these words; all that name it if none has,
  # and those that may name it if none does.
  filesFor =
    name: words:
    let
      naming = lib.filter (
        { lines, ... }: lib.any (line: line.name or null == name) lines
      ) said;
      exact = lib.filter (
        { lines, ... }:
        lib.any (line: line.name or null == name && lib.intersectLists words line.words != [ ]) lines
      ) naming;
    in
    lib.unique (
      map ({ file, ... }: toString file) (
        if exact != [ ] then
          exact
        else if naming != [ ] then
          naming
        else
          modules
      )
    );

  # The files that define an option.
  filesOf = option: lib.unique (map ({ file, ... }: toString file) (definitionsOf option));

  # nix.settings as others want them, over these defaults: merged by the option's own type, with
  # every priority and order. Definitions weaker than usual (lib.mkDefault) give way to the defaults.
  settingsOver =
    defaults:
    options.nix.settings.type.merge options.nix.settings.loc (
      settings
      ++ [
        {
          file = toString ./others.nix;
          # Between usual definitions (100) and all that are weaker.
          value = lib.mapAttrs (_: lib.mkOverride 100.5) (conf.everyName defaults);
        }
      ]
    );

  # nix.extraOptions without what nixsig puts there.
  inherit text;

  # The text of nix.conf with these settings and that text: once without former names of settings,
  # and once with these last, since NixOS itself would write them before the present name.
  confsOf =
    settings:
    let
      present = conf.print (lib.filterAttrs (name: _: !conf.isAlias name) settings);
      former = conf.print (lib.filterAttrs (name: _: conf.isAlias name) settings);
    in
    [ (conf.read (present + text)) ]
    ++ lib.optional (former != "") (conf.read (present + former + text));

  definitions = definitionsOf;
}
