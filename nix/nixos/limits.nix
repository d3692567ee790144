# What others may set in nix.conf beside nixsig, why nothing else, and the ways out: for each setting
# { allowed, usual, why, either, otherwise, reject, … }.
#
# reject = isFinal: value: what is wrong with { isSet, words }: null, or the words to name. Of the
# final value (isFinal) nothing may be left that nixsig replaces, such as the caches that NixOS lists
# by itself.
{
  config,
  lib,
  options,
}:

let
  cfg = config.security.nixsig;
  ours = import ./settings.nix { inherit config lib options; };
  inherit (import ./parts.nix { inherit config lib; }) isIn;
  files = import ./guarded-files.nix { inherit lib; };

  theirs = (import ./carried.nix { inherit lib options; }).postBuildHook;

  # What carryOver makes a policy of.
  unlessCarried =
    reject: isFinal: value:
    if cfg.carryOver && !isFinal then null else reject isFinal value;

  takeOut = setting: "take nix.settings.${setting} out there";
  orNull = words: if words == [ ] then null else words;

  # Every word has to be nixsig's own or one of these.
  only =
    setting:
    {
      usual ? [ ],
      more ? [ ],
    }:
    isFinal:
    { words, ... }:
    orNull (
      lib.subtractLists (
        map plainUrl (ours.${setting} or [ ] ++ more ++ lib.optionals (!isFinal) usual)
      ) (map plainUrl words)
    );
  plainUrl = lib.removeSuffix "/";

  # Ways to write a truth value.
  spellings = {
    "true" = [
      "true"
      "yes"
      "1"
    ];
    "false" = [
      "false"
      "no"
      "0"
    ];
  };

  # One value alone.
  is =
    allowed: _:
    { words, ... }:
    if lib.length words == 1 && lib.elem (lib.head words) allowed then null else words;

  # The same for a setting whose default is that.
  isOrUnset = allowed: isFinal: value: if value.isSet then is allowed isFinal value else null;

  none =
    isBad: _:
    { words, ... }:
    orNull (lib.filter isBad words);

  oneAlone = setting: parts: {
    reject = is [ ours.${setting} ];
    why = "Nix can have only one, and it has to be nixsig's";
    otherwise = "leave nixsig's out (security.nixsig.without = [ ${parts} ])";
  };

  ttl = {
    reject = is [ "0" ];
    why = "Nix would go on using an answer of the gate after a revocation";
  };
in
{
  sandbox = {
    reject = is spellings."true";
    why = "Nix calls the pre-build hook only for sandboxed builds";
  };
  sandbox-fallback = {
    reject = is spellings."false";
    why = "where Nix cannot make a sandbox, it would build without one, and without asking";
  };
  sandbox-paths = {
    reject = none files.exposesState;
    why = "builds could reach nixsig's own state and keys";
  };
  filter-syscalls = {
    reject = isOrUnset spellings."true";
    why = "a build could leave programs that run with the rights of another user";
  };
  external-builders = {
    reject = none (word: word != "[]");
    why = "Nix runs such builders without a sandbox, and without the pre-build hook";
  };
  trusted-users = {
    reject = only "trusted-users" { };
    why = "trusted users can disable nixsig";
    either = "take them out, and let them use Nix like everybody else (nix.settings.allowed-users)";
    otherwise = "accept that they can do what root can (security.nixsig.acceptTrustedUsers)";
  };
  substituters = {
    reject = unlessCarried (
      only "substituters" {
        usual = [ "https://cache.nixos.org" ];
      }
    );
    why = "Nix would ask them directly, without the gate";
    either = "list them in security.nixsig.gate.upstreams, or have that done (security.nixsig.carryOver = true)";
    otherwise = takeOut "substituters";
  };
  trusted-substituters = {
    reject = only "trusted-substituters" { more = ours.substituters; };
    why = "every user could make Nix ask them directly, without the gate";
    either = "list them in security.nixsig.gate.upstreams";
    otherwise = takeOut "trusted-substituters";
  };
  trusted-public-keys = {
    reject = unlessCarried (
      only "trusted-public-keys" {
        usual = [ "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ];
      }
    );
    why = "Nix would accept what these keys signed, whatever the policy says";
    either = "make them principals (security.nixsig.principals) that security.nixsig.default.require.output names";
    otherwise = takeOut "trusted-public-keys";
  };
  require-sigs = {
    reject = is spellings."true";
    why = "Nix would accept anything that a cache has, signed or not";
  };
  fallback = {
    reject = is spellings."false";
    why = "Nix would build locally what the gate refused";
    either = "set security.nixsig.gate.onRefusal = \"not-found\", if that is meant";
    otherwise = takeOut "fallback";
  };
  accept-flake-config = {
    reject = isOrUnset spellings."false";
    why = "every flake that root uses could disable nixsig";
  };
  narinfo-cache-positive-ttl = ttl;
  narinfo-cache-negative-ttl = ttl;
  store = {
    reject = none (
      word:
      !lib.elem word [
        "auto"
        "daemon"
        "local"
      ]
    );
    why = "nixsig guards the store of this machine, at /nix/store, and no other";
  };
  # With these features, outputs are identified by unsigned statements about what a derivation
  # produced.
  experimental-features = {
    reject = none (
      word:
      lib.elem word [
        "ca-derivations"
        "dynamic-derivations"
        "impure-derivations"
      ]
    );
    verb = "has";
    why = "outputs are then identified by unsigned statements about what a derivation produced";
    either = "take it out there";
  };
  # A signature by this key means that the gate let a path in, so it must not sign what is built
  # here.
  secret-key-files = {
    reject = none files.isState;
    verb = "has";
    why = "Nix would sign builds with a key whose signature means that the gate let a path in";
    either = "have Nix sign with another key";
    otherwise = takeOut "secret-key-files";
  };
}
// lib.optionalAttrs (isIn "hooks") {
  pre-build-hook = oneAlone "pre-build-hook" ''"hooks" "plugin"'';
  # One program is carried over, and runs after nixsig's.
  post-build-hook = oneAlone "post-build-hook" ''"hooks" "plugin"'' // {
    reject =
      isFinal:
      { words, ... }:
      if words == [ ours.post-build-hook ] || (!isFinal && theirs != null && words == [ theirs ]) then
        null
      else
        words;
    either = "have nixsig run it after its own (security.nixsig.postBuildHook)";
  };
}
// lib.optionalAttrs (isIn "build-hook") {
  build-hook = oneAlone "build-hook" ''"build-hook"'';
}
// lib.optionalAttrs (isIn "plugin") {
  plugin-files = {
    reject =
      isFinal:
      { words, ... }:
      if !isFinal || lib.elem (lib.last ours.plugin-files) words then null else words;
    why = "it has to have nixsig's plugin, which refuses what was not judged when it is about to become valid";
    either = "define it without lib.mkForce, which leaves nixsig's plugin in the list";
    otherwise = ''leave nixsig's out (security.nixsig.without = [ "plugin" ])'';
  };
}
