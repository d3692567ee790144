/**
 * NixOS modules: the examples of docs/how-to/nixos.md, and invalid values of options.
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
export const on = (settings: string) =>
  `{ lib, pkgs, ... }: { _file = "/etc/nixos/configuration.nix"; security.nixsig.enable = true; ${settings} }`

/** The options of expressions are read only if they are enabled. */
const APPROVED = 'approvals.by = "self"; expressions.enable = true;'

/** Invalid values: the setting, and parts of the message, including valid ones. */
export const MISTAKES: readonly (readonly [set: string, ...says: readonly string[]])[] = [
  ['mode = "off";', 'security.nixsig.mode', 'one of "warn", "enforce"'],
  ['modus = "warn";', 'security.nixsig.modus', 'does not exist'],
  ['without = [ "gates" ];', 'one of "hooks", "build-hook", "plugin", "gate"'],
  ['machineKeyFile = ./key;', 'security.nixsig.machineKeyFile', 'in quotes and outside the store'],
  ['gate.keyFile = pkgs.git + "/key";', 'security.nixsig.gate.keyFile', 'outside the store'],
  ['principals.alice = { };', 'security.nixsig.principals.alice has no key'],
  ['principals.alice.keys = [ ];', 'security.nixsig.principals.alice has no key'],
  ['principals.alice.keys = [ { gpg = "x"; } ];', '.gpg', 'does not exist'],
  [
    'lists.debian = { url = "https://example.org"; };',
    'security.nixsig.lists.debian.roles',
    'no value defined',
  ],
  [
    'lists.debian = { url = "ftp://x"; roles = [ "developer" ]; };',
    'lists.debian.url',
    'address that begins',
  ],
  [
    'lists.debian = { url = "https://example.org"; roles = [ "developer" ]; grace = 366; };',
    'lists.debian.grace',
    'between 0 and 365',
  ],
  [
    'default.require.source.developer = "its-developers";',
    'nothing says who they are',
    'security.nixsig.lists',
  ],
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
