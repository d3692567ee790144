/**
 * Settings of others beside which nixsig works: what they are, and what nix.conf must have of them.
 */
export const ACCEPTED: readonly (readonly [set: string, line?: string])[] = [
  // What one module sets, another one may force away.
  [
    'imports = [ { nix.settings.trusted-users = [ "@wheel" ]; } ]; nix.settings.trusted-users = lib.mkForce [ "root" ];',
  ],
  ['imports = [ { nix.settings.sandbox = false; } ]; nix.settings.sandbox = lib.mkForce true;'],
  [
    'imports = [ { nix.settings.substituters = [ "https://x.example.org" ]; } ]; nix.settings.substituters = lib.mkForce [ ];',
    'substituters =',
  ],
  ['imports = [ { nix.settings.fallback = true; } ]; nix.settings.fallback = lib.mkOverride 90 false;'],
  ['nix.settings.substituters = lib.mkForce [ "http://127.0.0.1:4649/" ];'],
  ['nix.settings.fallback = "no"; nix.settings.narinfo-cache-positive-ttl = "0";', 'fallback = false'],
  ['nix.settings.plugin-files = lib.mkAfter [ "/etc/theirs.so" ];'],
  ['nix.settings.extra-plugin-files = "/etc/theirs.so";'],
  ['nix.settings.extra-sandbox-paths = [ "/var/lib/nixsignal" "/dev/kvm?" ];'],
  ['nix.extraOptions = lib.mkAfter "!include /run/secrets/access-tokens.conf";', 'store = auto'],
  ['nix.extraOptions = "keep-outputs = true # sandbox = false";'],
  ['nix.settings = { keep-outputs = true; access-tokens = "x=y"; netrc-file = "/etc/netrc"; };'],
  [
    'nix.settings = lib.mkMerge [ (lib.mkIf false { sandbox = false; }) { cores = lib.mkOrder 10 2; } ];',
    'cores = 2',
  ],
  [
    'nix.settings.experimental-features = lib.mkBefore [ "nix-command" "flakes" ];',
    'accept-flake-config = false',
  ],
  [
    'nix.package = pkgs.nix // { pname = "lix"; version = "2.93.3"; }; security.nixsig.without = [ "plugin" ];',
  ],
  ['systemd.services.nix-daemon.environment = { TMPDIR = "/var/tmp"; NIX_USER_CONF_FILES = ""; };'],
  ['environment.variables = { NIX_REMOTE = "daemon"; NIX_CONFIG = "extra-access-tokens = x=y"; };'],
  ['security.nixsig.mode = "enforce"; security.nixsig.default.require.source = "nothing";'],
  ['security.nixsig.settings.nix.refusal-line = false;'],
  ['nix.settings.post-build-hook = "/etc/upload";'],
  [
    'security.nixsig.carryOver = true; nix.settings = { substituters = [ "https://x.example.org" "auto" ]; extra-trusted-public-keys = [ "c-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw=" ]; };',
    'substituters = http://127.0.0.1:4649',
  ],
]
