# What networking.proxy tells the rest of the system, nix-daemon too, in the terms of a policy.
{ config, lib }:

let
  told = config.networking.proxy or { };
  all = lib.filter (address: address != null && address != "") [
    (told.httpsProxy or null)
    (told.allProxy or null)
    (told.httpProxy or null)
    (told.default or null)
  ];
  first = if all == [ ] then null else lib.head all;
  match = if first == null then null else builtins.match "(http://[^[:space:]/@]+)/*" first;
  words = lib.filter (word: builtins.isString word && word != "") (
    builtins.split "[,[:space:]]+" (if (told.noProxy or null) == null then "" else told.noProxy)
  );
  host = word: builtins.match "[*]?[.]?([a-z0-9.-]+|\\[[0-9a-f:]+])" word;
in
rec {
  # An address that a policy can have; null without a proxy, or with one of another kind.
  proxy = if match == null then null else lib.head match;

  # One that a policy cannot have; null otherwise.
  unusable = if proxy == null then first else null;

  # Networks and patterns, which a policy does not know, are left out.
  noProxy = lib.unique (map (word: lib.head (host word)) (lib.filter (word: host word != null) words));
}
