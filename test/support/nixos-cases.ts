/**
 * NixOS modules: the examples of docs/how-to/nixos.md, settings that contradict nixsig, and invalid
 * values.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The text of the page. */
export const PAGE = readFileSync(join(PROJECT_ROOT, 'docs/how-to/nixos.md'), 'utf8')
/** The page's modules, by the name after the language. */
export const EXAMPLES = [...PAGE.matchAll(/^```nix (\S+)\n([\s\S]*?)^```$/gm)].map(
  ([, name = '', module = '']) => ({
    name,
    module,
  }),
)

/** A module with nixsig enabled and these settings. */
export const on = (settings: string) => `{ lib, pkgs, ... }: { security.nixsig.enable = true; ${settings} }`

/** Contradictions: the setting, and parts of the message, including two ways out. */
export const CONTRADICTIONS: readonly (readonly [set: string, ...says: readonly string[]])[] = [
  [
    'nix.settings.sandbox = false;',
    'nix.settings.sandbox is set to false in',
    'Nix calls the pre-build hook only for sandboxed builds. Either take nix.settings.sandbox out there, or disable nixsig',
  ],
  ['nix.settings.sandbox = "relaxed";', 'nix.settings.sandbox is set to relaxed in'],
  ['nix.settings.sandbox = lib.mkForce false;', 'nix.settings.sandbox is set to false in'],
  ['nix.settings.build-use-sandbox = false;', 'nix.settings.sandbox is set to false in'],
  ['nix.settings.sandbox-fallback = lib.mkForce true;', 'nix.settings.sandbox-fallback is set to true in'],
  [
    'nix.settings.trusted-users = [ "root" "@wheel" ];',
    'nix.settings.trusted-users is set to @wheel in',
    'trusted users can disable nixsig',
  ],
  ['nix.settings.extra-trusted-users = "alice";', 'nix.settings.trusted-users is set to alice in'],
  [
    'nix.settings.substituters = [ "https://cache.example.org" ];',
    'nix.settings.substituters is set to https://cache.example.org in',
    'Nix would ask them directly, without the gate. Either list them in security.nixsig.gate.upstreams, or take nix.settings.substituters out there',
  ],
  ['nix.settings.extra-substituters = [ "https://x.example.org" ];', 'is set to https://x.example.org in'],
  ['nix.extraOptions = "binary-caches = https://y.example.org";', 'is set to https://y.example.org in'],
  ['nix.extraOptions = "  extra-substituters=https://z.example.org";', 'is set to https://z.example.org in'],
  [
    'nix.settings.trusted-substituters = [ "https://x.example.org" ];',
    'every user could make Nix ask them directly, without the gate',
  ],
  [
    'nix.settings.trusted-public-keys = [ "x-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw=" ];',
    'Nix would accept what these keys signed, whatever the policy says. Either make them principals',
  ],
  [
    'nix.settings.experimental-features = [ "nix-command" "ca-derivations" ];',
    'has ca-derivations: outputs are then identified by unsigned statements about what a derivation produced',
  ],
  ['nix.settings.experimental-features = "nix-command impure-derivations";', 'has impure-derivations:'],
  ['nix.settings.accept-flake-config = true;', 'every flake that root uses could disable nixsig'],
  ['nix.settings.fallback = true;', 'Nix would build locally what the gate refused'],
  ['nix.settings.require-sigs = false;', 'Nix would accept anything that a cache has, signed or not'],
  [
    'nix.settings.post-build-hook = "/etc/upload";',
    "Nix can have only one, and it has to be nixsig's. Either take nix.settings.post-build-hook out there, or leave nixsig's out",
  ],
  ['nix.settings.build-hook = "/etc/hook";', 'security.nixsig.without = [ "build-hook" ]'],
  [
    'security.nixsig.without = [ "build-hook" ]; nix.distributedBuilds = true; nix.buildMachines = [ { hostName = "b"; } ];',
    'they would be sent derivations that nobody judged. Either take "build-hook" out of security.nixsig.without, or set nix.distributedBuilds = false.',
  ],
  [
    'security.nixsig.without = [ "hooks" ];',
    'which would refuse every build: it only lets in outputs of builds that the hooks allowed. Either leave out "plugin" as well, or take "hooks" out of it.',
  ],
  [
    'nix.package = pkgs.nix // { pname = "lix"; };',
    'Lix continues without a plugin that it cannot load. Either set nix.package = pkgs.nix, or disable nixsig',
  ],
  ['nix.package = pkgs.nix // { version = "2.7.0"; };', 'needs Nix 2.8 or later'],
  ['nix.enable = false;', 'nix.enable is false'],
  [
    'security.nixsig.gate.fleet = { url = "https://c.example.org"; publicKeys = [ "c-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw=" ]; };',
    'the plugin refuses what was not judged here. Either leave it out (security.nixsig.without = [ "plugin" ]), or have the own gate ask the caches',
  ],
  [
    'security.nixsig.without = [ "build-hook" ]; nix.settings.builders = "ssh://b";',
    'they would be sent derivations that nobody judged',
  ],
  [
    'nix.settings.secret-key-files = [ "/etc/k" "/var/lib/nixsig/gate.secret" ];',
    'nix.settings.secret-key-files has /var/lib/nixsig/gate.secret: Nix would sign builds with a key whose signature means that the gate let a path in',
  ],
  [
    'systemd.services.nix-daemon.environment.NIX_CONFIG = "sandbox = false";',
    'which overrides nix.conf and what nixsig sets there',
  ],
  [
    'nix.settings = lib.mkForce { substituters = [ ]; trusted-public-keys = [ ]; trusted-users = [ "root" ]; };',
    'nix.settings lost what nixsig sets there: build-hook,',
  ],
  [
    'security.nixsig.mode = "enforce";',
    'nobody is trusted: next to nothing could be built, this system included. Either list whom you trust in security.nixsig.principals, or begin with security.nixsig.mode = "warn".',
  ],
  [
    'security.nixsig.default.require.derivation = "approved";',
    'approvals.by does not say who approves. Either name who (security.nixsig.approvals.by = "self" is what root approves on this machine), or require something else there.',
  ],
  [
    'security.nixsig.rules = [ { match.name = "*.tar"; require.source = "approved"; } ];',
    'approvals.by does not say who approves',
  ],
  ['security.nixsig.expressions.enable = true;', 'approvals.by does not say who approves'],
  [
    'security.nixsig.principals.carol.keys = [ "carol-9:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU=" ]; security.nixsig.trustedLists = [ /srv/checkout/test/nixpkgs/trusted-list.toml ];',
    'carol comes from more than one place among principals, groups and trusted lists',
  ],
]

/** The options of expressions are read only if they are enabled. */
const APPROVED = 'approvals.by = "self"; expressions.enable = true;'

/** Invalid values: the setting, and parts of the message, including valid ones. */
export const MISTAKES: readonly (readonly [set: string, ...says: readonly string[]])[] = [
  ['mode = "off";', 'security.nixsig.mode', 'one of "warn", "enforce"'],
  ['modus = "warn";', 'security.nixsig.modus', 'does not exist'],
  ['without = [ "gates" ];', 'one of "hooks", "build-hook", "plugin", "gate"'],
  ['machineKeyFile = ./key;', 'security.nixsig.machineKeyFile', 'in quotes and outside the store'],
  ['gate.keyFile = pkgs.git + "/key";', 'security.nixsig.gate.keyFile', 'outside the store'],
  ['principals.alice = { };', 'security.nixsig.principals.alice.keys', 'has no value defined'],
  ['principals.alice.keys = [ ];', 'security.nixsig.principals.alice.keys', 'non-empty'],
  ['principals.alice.keys = [ { gpg = "x"; } ];', '.gpg', 'does not exist'],
  ['groups.g = { members = [ "self" ]; threshold = 0; };', 'security.nixsig.groups.g.threshold', '>0'],
  ['default.require.source = [ ];', 'security.nixsig.default.require.source', 'name of a principal or group'],
  [
    'rules = [ { match.kind = "tarball"; } ];',
    'one of "fetched-source", "local-source", "derivation", "output"',
  ],
  ['exemptions = [ { name = "x"; reason = "y"; until = "tomorrow"; } ];', 'date such as'],
  ['exemptions = [ { name = "x"; until = "2030-01-01"; } ];', 'reason', 'has no value defined'],
  ['gate.upstreams = [ "ftp://cache.example.org" ];', 'begins with https://, http:// or file://'],
  ['gate.listen = "localhost:4649";', 'IP address and port'],
  ['gate.fleet = { url = "cache.example.org"; publicKeys = [ "x" ]; };', 'security.nixsig.gate.fleet.'],
  ['gate.fleet.url = "https://cache.example.org";', 'security.nixsig.gate.fleet.publicKeys'],
  ['inputs = [ { url = "https://x.example.org/*"; } ];', 'require', 'has no value defined'],
  ['inputs = [ { url = "path:*"; require = "nothing"; acceptUnlocked = "yes"; } ];', 'acceptUnlocked'],
  ['approvals.by = [ ];', 'security.nixsig.approvals.by', 'name of a principal or group'],
  ['approvals.of = "self";', 'security.nixsig.approvals.of', 'does not exist'],
  [`${APPROVED} expressions.flake = ./box;`, 'security.nixsig.expressions.flake', 'absolute path, in quotes'],
  [`${APPROVED} expressions.flake = "/etc/nixos#box";`, 'security.nixsig.expressions.flake'],
  [`${APPROVED} expressions.url = "git.example.org/box";`, 'address with its scheme'],
  ['store.sources = "all";', 'one of "data", "attested"'],
  ['trustedLists = [ /srv/l.toml ];', 'l.toml has mode; a trusted list has principals, groups, revocations'],
]

/** Policies that pass the types but not `nixsig policy check` when the system is built. */
export const BAD_POLICIES: readonly (readonly [set: string, says: RegExp])[] = [
  ['default.require.source = "nobody";', /default\.require\.source.*nobody/],
  ['groups.g = { members = [ "self" ]; threshold = 2; };', /threshold/],
  ['principals.alice.keys = [ "alice" ];', /principals\.alice\.keys/],
  ['inputs = [ { url = "git.example.org"; require = "nothing"; } ];', /inputs\[1\]\.url.*glob for URLs/],
  [
    'inputs = [ { url = "*"; require.packager = "self"; } ];',
    /inputs\[1\]\.require\.packager: unknown field.*committer/,
  ],
  ['approvals.by = "nobody";', /approvals\.by.*nobody/],
  [
    `${APPROVED} rules = [ { match.name = "nixos-system-x"; require.derivation = "nothing"; } ];`,
    /never decides: "the configuration of this machine"/,
  ],
  ['settings.mood = "good";', /mood: unknown field/],
  ['revocations = [ { principal = "bob"; date = "2026-01-01"; } ];', /revocations\[1\].*bob/],
]
