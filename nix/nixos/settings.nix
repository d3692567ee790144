# The settings of Nix by which nixsig is the only way in: the same that `nixsig setup` writes
# elsewhere. Which ones there are depends on options of nixsig alone: to find out what others set,
# the module system has to know it.
{
  config,
  lib,
  options,
}:

let
  cfg = config.security.nixsig;
  programs = "${cfg.package}/libexec/nixsig";
  inherit (import ./parts.nix { inherit config lib; }) hasFleet isIn;

  others = import ./others-settings.nix { inherit lib options; };

  # What listens everywhere is asked on this machine.
  own = "http://${
    lib.replaceStrings [ "0.0.0.0" "[::]" ] [ "127.0.0.1" "[::1]" ] cfg.gate.listen
  }";
in
{
  # Nix calls the pre-build hook for sandboxed builds alone, and without the second line would build
  # without.
  sandbox = true;
  sandbox-fallback = false;

  # What comes from binary caches comes through the gate, which signs what it lets in.
  substituters = lib.optional (isIn "gate") (if hasFleet then cfg.gate.fleet.url else own);
  trusted-substituters = [ ];
  # The own gate's is made on the machine, and comes from the file that nix.conf includes.
  trusted-public-keys = lib.optional hasFleet cfg.gate.fleet.publicKey;
  require-sigs = true;
  # What the gate refuses is refused, and not built in its place.
  fallback = false;
  # Nix would remember for thirty days what it was once told, revoked or not.
  narinfo-cache-positive-ttl = 0;
  narinfo-cache-negative-ttl = 0;

  # Others could switch all of this off.
  trusted-users = [ "root" ];
}
// lib.optionalAttrs (isIn "hooks") {
  pre-build-hook = "${programs}/native/pre-build-hook";
  post-build-hook = "${programs}/native/post-build-hook";
}
// lib.optionalAttrs (isIn "build-hook") {
  build-hook = "${programs}/build-hook";
}
// lib.optionalAttrs (isIn "plugin") {
  # The setting is one list: plugins of others stay in it.
  plugin-files = others.wordsFor "plugin-files" ++ [ "${programs}/native/nixsig-plugin.so" ];
}
