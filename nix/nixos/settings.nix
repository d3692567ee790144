# The settings that make nixsig the only way into the store, as `nixsig setup` writes them
# elsewhere. Which settings there are depends only on nixsig's own options: the module system has to
# know that before it can find out what others set.
{
  config,
  lib,
  options,
}:

let
  cfg = config.security.nixsig;
  programs = "${cfg.package}/libexec/nixsig";
  plugin = "${programs}/native/nixsig-plugin.so";
  inherit (import ./parts.nix { inherit config lib; }) hasFleet isIn;

  others = import ./others.nix { inherit lib options; };
  conf = import ./conf-text.nix { inherit lib; };

  # Plugins of others, who may name them in settings or in text.
  theirs =
    let
      settings = others.settingsOver { };
    in
    lib.concatMap lib.toList [
      (settings.plugin-files or [ ])
      (settings.extra-plugin-files or [ ])
      (conf.valueOf (conf.read others.text) "plugin-files").words
    ];

  # A gate that listens on all addresses is reached at this machine's own.
  own = "http://${
    lib.replaceStrings [ "0.0.0.0" "[::]" ] [ "127.0.0.1" "[::1]" ] cfg.gate.listen
  }";
in
{
  # Nix calls the pre-build hook only for sandboxed builds; the second line keeps it from building
  # without.
  sandbox = true;
  sandbox-fallback = false;

  # All binary caches are asked through the gate, which signs what it lets in.
  substituters = lib.optional (isIn "gate") (if hasFleet then cfg.gate.fleet.url else own);
  trusted-substituters = [ ];
  # The own gate's key is made on the machine, and is in the file that nix.conf includes.
  trusted-public-keys = lib.optionals hasFleet cfg.gate.fleet.publicKeys;
  require-sigs = true;
  # What the gate refuses is refused, and not built in its place.
  fallback = false;
  # Otherwise Nix would remember answers for thirty days, even after a revocation.
  narinfo-cache-positive-ttl = 0;
  narinfo-cache-negative-ttl = 0;

  # Trusted users could disable all of this.
  trusted-users = [ "root" ] ++ cfg.acceptTrustedUsers;
}
// lib.optionalAttrs (isIn "hooks") {
  pre-build-hook = "${programs}/native/pre-build-hook";
  post-build-hook = "${programs}/native/post-build-hook";
}
// lib.optionalAttrs (isIn "build-hook") {
  build-hook = "${programs}/build-hook";
}
// lib.optionalAttrs (isIn "plugin") {
  # The setting is one list: other plugins stay in it.
  plugin-files = lib.subtractLists [ null plugin ] (lib.unique theirs) ++ [ plugin ];
}
