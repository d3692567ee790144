# What others want of Nix's caches and keys, in the terms of a policy.
{ lib, options }:

let
  others = import ./others.nix { inherit lib options; };
  conf = import ./conf-text.nix { inherit lib; };

  wanted = others.settingsOver { };

  # What others' settings and text amount to. Only the setting that is asked for is looked at.
  wordsFor =
    name:
    let
      names = builtins.attrNames (conf.everyName { ${name} = ""; });
      said = lib.filterAttrs (given: _: lib.elem given names) wanted;
    in
    lib.unique (conf.valueOf (conf.read (conf.print said + others.text)) name).words;

  # A word of `substituters`: { url, priority } or null where it is this machine's own store.
  partsOf =
    word:
    let
      match = builtins.match "([^?]*)[?]?(.*)" word;
      base = lib.head match;
      parameters = lib.filter (one: one != "") (lib.splitString "&" (lib.last match));
      isRemote = builtins.match "(s3|ssh|ssh-ng)://.*" base != null;
      # Those that say how Nix reads; a policy knows no others.
      kept = lib.filter (
        one:
        isRemote
        && lib.elem (lib.head (lib.splitString "=" one)) [
          "profile"
          "region"
          "scheme"
          "endpoint"
          "addressing-style"
          "ssh-key"
          "base64-ssh-public-host-key"
          "compress"
          "remote-program"
          "remote-store"
        ]
      ) parameters;
      priorities = lib.concatMap (
        one:
        let
          found = builtins.match "priority=([1-9][0-9]{0,5})" one;
        in
        if found == null then [ ] else found
      ) parameters;
    in
    {
      url =
        trimmed base + lib.optionalString (kept != [ ]) "?${lib.concatStringsSep "&" kept}";
    }
    // lib.optionalAttrs (priorities != [ ]) { priority = lib.toInt (lib.head priorities); };

  trimmed = text: if lib.hasSuffix "/" text && text != "/" then trimmed (lib.removeSuffix "/" text) else text;

  isOwn =
    word:
    lib.elem word [
      "auto"
      "daemon"
      "local"
    ];
  isPossible =
    word:
    builtins.match "((https?|file|s3|ssh|ssh-ng)://|/).*" word != null
    && (builtins.match "(ssh|ssh-ng)://[^:]*@.*" word != null || builtins.match "[a-z0-9-]+://[^/]*@.*" word == null);

  substituters = lib.filter (word: !isOwn word) (wordsFor "substituters");

  keys = wordsFor "trusted-public-keys";
  nameOf =
    key:
    lib.concatStringsSep "-" (
      lib.filter (part: builtins.isString part && part != "") (
        builtins.split "[^0-9A-Za-z]+" (lib.head (lib.splitString ":" key))
      )
    );
  # Keys with one name get numbers.
  named = lib.foldl' (
    before: key:
    let
      name = if nameOf key == "" then "cache" else nameOf key;
      taken = lib.filter (other: other == name || lib.hasPrefix "${name}-key-" other) (map ({ name, ... }: name) before);
    in
    before
    ++ [
      {
        name = if taken == [ ] then name else "${name}-key-${toString (lib.length taken + 1)}";
        value.keys = [ key ];
      }
    ]
  ) [ ] keys;

  # Without what may be secret.
  shown = word: lib.head (lib.splitString "?" (lib.last (lib.splitString "@" word)));
in
{
  upstreams = map partsOf (lib.filter isPossible substituters);
  impossible = map shown (lib.filter (word: !isPossible word) substituters);
  principals = lib.listToAttrs named;

  # Another post-build-hook, if it is one program; null otherwise.
  postBuildHook =
    let
      hook = wordsFor "post-build-hook";
    in
    if lib.length hook == 1 && lib.hasPrefix "/" (lib.head hook) then lib.head hook else null;
}
