/**
 * Settings that contradict nixsig, as other modules of a NixOS system have them, and its own that
 * contradict one another.
 */

const KEY = 'c-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw='
const FLEET = `security.nixsig.gate.fleet = { url = "https://c.example.org"; publicKeys = [ "${KEY}" ]; };`

/** A setting, parts of the message about it, and whether docs/how-to/nixos.md shows it. */
export interface Contradiction {
  readonly set: string
  readonly says: readonly string[]
  readonly isShown: boolean
}

const shown = (set: string, ...says: string[]): Contradiction => ({ set, says, isShown: true })
const also = (set: string, ...says: string[]): Contradiction => ({ set, says, isShown: false })

/** What nix.conf would have. */
const IN_NIX_CONF: readonly Contradiction[] = [
  shown(
    'nix.settings.sandbox = false;',
    'nix.settings.sandbox is set to false in /etc/nixos/configuration.nix: Nix calls the pre-build hook only for sandboxed builds. Either take nix.settings.sandbox out there, or disable nixsig',
  ),
  also('nix.settings.sandbox = "relaxed";', 'nix.settings.sandbox is set to relaxed in'),
  also('nix.settings.sandbox = lib.mkForce false;', 'nix.settings.sandbox is set to false in'),
  also(
    'nix.settings.sandbox = lib.mkIf true (lib.mkBefore false);',
    'nix.settings.sandbox is set to false in',
  ),
  also(
    'nix.settings = { config, ... }: { sandbox = if config.cores == 0 then false else true; };',
    'nix.settings.sandbox is set to false in /etc/nixos/configuration.nix',
  ),
  also(
    'nix.settings.trusted-users = [ "root" (lib.mkIf true "eve") (lib.mkIf false "x") ];',
    'is set to eve in',
  ),
  also('nix.settings.build-use-sandbox = false;', 'nix.settings.sandbox is set to false in'),
  also('nix.extraOptions = "build-use-chroot = no";', 'nix.settings.sandbox is set to no in'),
  also(
    'nix.settings.user-agent-suffix = "1\\nsandbox-fallback = 1";',
    'nix.settings.sandbox-fallback is set to 1 in',
  ),
  shown(
    'nix.settings.sandbox-fallback = lib.mkForce true;',
    'nix.settings.sandbox-fallback is set to true in',
  ),
  shown(
    'nix.settings.sandbox-paths = [ "/keys=/var/lib/nixsig" ];',
    "nix.settings.sandbox-paths is set to /keys=/var/lib/nixsig in /etc/nixos/configuration.nix: builds could reach nixsig's own state and keys",
  ),
  also('nix.settings.extra-sandbox-paths = [ "/var/lib/./nixsig/keys?" ];', 'builds could reach'),
  also('nix.extraOptions = "build-chroot-dirs = /x=//var/lib";', 'builds could reach'),
  shown(
    'nix.settings.filter-syscalls = false;',
    'a build could leave programs that run with the rights of another user',
  ),
  shown(
    'nix.settings.external-builders = "[{\\"systems\\":[\\"x86_64-linux\\"]}]";',
    'Nix runs such builders without a sandbox, and without the pre-build hook',
  ),
  shown(
    'nix.settings.store = "local?root=/mnt";',
    'nixsig guards the store of this machine, at /nix/store, and no other',
  ),
  shown(
    'nix.settings.trusted-users = [ "root" "@wheel" ];',
    'nix.settings.trusted-users is set to @wheel in',
    'trusted users can disable nixsig. Either take them out, and let them use Nix like everybody else (nix.settings.allowed-users), or accept that they can do what root can (security.nixsig.acceptTrustedUsers)',
  ),
  also(
    'security.nixsig.acceptTrustedUsers = [ "deploy" ]; nix.settings.trusted-users = [ "deploy" "@wheel" ];',
    'nix.settings.trusted-users is set to @wheel in',
  ),
  also('nix.settings.trusted-users = lib.mkAfter [ "@wheel" ];', 'is set to @wheel in'),
  also('nix.settings.trusted-users = lib.mkOverride 70 [ "@wheel" ];', 'is set to @wheel in'),
  also('nix.settings.trusted-users = lib.mkForce [ "root" "bob" ];', 'is set to bob in'),
  also('nix.settings.extra-trusted-users = "alice";', 'nix.settings.trusted-users is set to alice in'),
  shown(
    'nix.settings.substituters = [ "https://cache.example.org" ];',
    'nix.settings.substituters is set to https://cache.example.org in',
    'Nix would ask them directly, without the gate. Either list them in security.nixsig.gate.upstreams, or have that done (security.nixsig.carryOver = true), or take nix.settings.substituters out there',
  ),
  shown(
    'nix.settings.substituters = lib.mkForce [ "https://cache.nixos.org" ];',
    'nix.settings.substituters is set to https://cache.nixos.org in',
  ),
  also(
    'nix.settings.extra-substituters = [ "https://x.example.org" ];',
    'is set to https://x.example.org in',
  ),
  also('nix.extraOptions = "binary-caches = https://y.example.org";', 'is set to https://y.example.org in'),
  also(
    'nix.extraOptions = "  extra-substituters=https://z.example.org";',
    'is set to https://z.example.org in',
  ),
  also(
    'nix.extraOptions = lib.mkBefore "extra-substituters\\t=\\thttps://t.example.org\\r";',
    'https://t.example.org',
  ),
  shown(
    'nix.settings.trusted-substituters = [ "https://x.example.org" ];',
    'every user could make Nix ask them directly, without the gate',
  ),
  shown(
    `nix.settings.trusted-public-keys = [ "${KEY}" ];`,
    'Nix would accept what these keys signed, whatever the policy says. Either make them principals',
  ),
  also(`nix.settings.extra-trusted-public-keys = [ "${KEY}" ];`, 'whatever the policy says'),
  shown(
    'nix.settings.experimental-features = [ "nix-command" "ca-derivations" ];',
    'experimental-features has ca-derivations in',
    'outputs are then identified by unsigned statements about what a derivation produced',
  ),
  also('nix.settings.experimental-features = "nix-command impure-derivations";', 'has impure-derivations in'),
  also('nix.settings.extra-experimental-features = "dynamic-derivations";', 'has dynamic-derivations in'),
  shown('nix.settings.accept-flake-config = true;', 'every flake that root uses could disable nixsig'),
  shown('nix.settings.fallback = true;', 'Nix would build locally what the gate refused'),
  shown('nix.settings.require-sigs = false;', 'Nix would accept anything that a cache has, signed or not'),
  shown(
    'nix.settings.narinfo-cache-positive-ttl = 3600;',
    'Nix would go on using an answer of the gate after a revocation',
  ),
  also('nix.settings.narinfo-cache-negative-ttl = lib.mkForce 60;', 'is set to 60 in'),
  shown(
    'nix.settings.post-build-hook = lib.mkForce "/etc/upload";',
    "Nix can have only one, and it has to be nixsig's. Either have nixsig run it after its own (security.nixsig.postBuildHook), or leave nixsig's out",
  ),
  also(
    'nix.settings.post-build-hook = "/etc/upload --all";',
    "Nix can have only one, and it has to be nixsig's",
  ),
  also('nix.settings.pre-build-hook = lib.mkForce "";', 'nix.settings.pre-build-hook is set to nothing in'),
  also('nix.extraOptions = "pre-build-hook =";', 'nix.settings.pre-build-hook is set to nothing in'),
  also('nix.settings.build-hook = "/etc/hook";', 'security.nixsig.without = [ "build-hook" ]'),
  shown(
    'nix.settings.plugin-files = lib.mkForce [ "/etc/theirs.so" ];',
    "nix.settings.plugin-files is set to /etc/theirs.so in /etc/nixos/configuration.nix: it has to have nixsig's plugin, which refuses what was not judged when it is about to become valid. Either define it without lib.mkForce",
  ),
  also(
    'nix.extraOptions = lib.mkOrder 2000000 "plugin-files =";',
    'nix.settings.plugin-files is set to nothing in',
  ),
  shown(
    'nix.settings.secret-key-files = [ "/etc/k" "/var/lib/nixsig/gate.secret" ];',
    'nix.settings.secret-key-files has /var/lib/nixsig/gate.secret in',
    'Nix would sign builds with a key whose signature means that the gate let a path in',
  ),
  shown(
    'nix.settings = lib.mkForce { substituters = [ ]; trusted-public-keys = [ ]; trusted-users = [ "root" ]; };',
    'nix.settings lost what nixsig sets there: build-hook,',
    'Some module forces all of nix.settings (lib.mkForce): /etc/nixos/configuration.nix.',
  ),
  shown(
    'nix.extraOptions = lib.mkForce "";',
    'nix.extraOptions lost the line "!include /var/lib/nixsig/nix.conf", with which Nix trusts what the gate lets in',
  ),
  shown(
    'nix.extraOptions = lib.mkOrder 2000000 "!include /etc/late.conf";',
    "nix.extraOptions includes /etc/late.conf after nixsig's lines",
  ),
  shown(
    'environment.etc."nix/nix.conf".source = lib.mkForce (pkgs.writeText "nix.conf" "sandbox = true");',
    'environment.etc."nix/nix.conf" lacks what nixsig sets in nix.settings: build-hook,',
  ),
  shown(
    'environment.etc."nix/nix.conf".source = lib.mkForce "/srv/nix.conf";',
    'environment.etc."nix/nix.conf" is a file that cannot be read before the system is built (/etc/nixos/configuration.nix), so nobody knows what is in force',
  ),
]

/** What would make Nix heed something else than nix.conf. */
const BESIDE_NIX_CONF: readonly Contradiction[] = [
  shown(
    'systemd.services.nix-daemon.environment.NIX_CONFIG = "sandbox = false";',
    'systemd.services.nix-daemon.environment.NIX_CONFIG is set in /etc/nixos/configuration.nix, which overrides nix.conf and what nixsig sets there',
  ),
  also(
    'systemd.services.nix-daemon.environment.NIX_CONFIG = lib.mkForce null;',
    'environment.NIX_CONFIG is set',
  ),
  shown('systemd.services.nix-daemon.environment.NIX_CONF_DIR = "/srv";', 'environment.NIX_CONF_DIR is set'),
  also(
    'systemd.services.nix-daemon.environment.NIX_USER_CONF_FILES = "/srv/x";',
    'NIX_USER_CONF_FILES is set',
  ),
  also('systemd.services.nix-daemon.environment.NIX_REMOTE = "/mnt";', 'environment.NIX_REMOTE is set'),
  shown(
    'systemd.services.nix-daemon.serviceConfig.Environment = [ "A=b" "NIX_CONFIG=sandbox=false" ];',
    'environment.NIX_CONFIG is set',
  ),
  also(
    'systemd.services.nix-daemon.serviceConfig.Environment = "A=b \'NIX_CONF_DIR=/srv\'";',
    'environment.NIX_CONF_DIR is set',
  ),
  also('systemd.services.nix-daemon.serviceConfig.PassEnvironment = "NIX_CONFIG";', 'NIX_CONFIG is set'),
  also('systemd.services.nix-daemon.serviceConfig.UnsetEnvironment = [ "NIX_CONFIG" ];', 'NIX_CONFIG is set'),
  also(
    'environment.etc."systemd/system/nix-daemon.service.d/x.conf".text = "[Service]\\nEnvironment=NIX_CONF_DIR=/srv";',
    'environment.NIX_CONF_DIR is set',
  ),
  shown(
    'systemd.services.nix-daemon.serviceConfig.EnvironmentFile = "-/run/secrets/nix";',
    'systemd.services.nix-daemon.serviceConfig.EnvironmentFile is -/run/secrets/nix in /etc/nixos/configuration.nix: nobody knows before the daemon starts what is in there',
  ),
  shown(
    'systemd.services.nix-daemon.serviceConfig.ExecStart = lib.mkForce "/bin/nix-daemon --option sandbox false";',
    'ExecStart has --option in /etc/nixos/configuration.nix: arguments override nix.conf',
  ),
  shown(
    'environment.variables.NIX_CONFIG = "plugin-files =";',
    "environment.variables (NIX_CONFIG, NIX_CONF_DIR) sets plugin-files, so that root's own commands would not heed nix.conf",
  ),
  also('environment.sessionVariables.NIX_CONF_DIR = "/srv";', 'sets NIX_CONF_DIR'),
  shown(
    'environment.etc."xdg/nix/nix.conf".text = "extra-substituters = https://x.example.org";',
    'environment.etc."xdg/nix/nix.conf" sets substituters, and Nix reads it after nix.conf',
  ),
]

/** What nixsig needs, and its own options. */
const OWN: readonly Contradiction[] = [
  shown(
    'security.nixsig.without = [ "build-hook" ]; nix.distributedBuilds = true; nix.buildMachines = [ { hostName = "b"; } ];',
    'they would be sent derivations that nobody judged. Either take "build-hook" out of security.nixsig.without, or set nix.distributedBuilds = false.',
  ),
  also(
    'security.nixsig.without = [ "build-hook" ]; nix.settings.builders = lib.mkForce "ssh://b";',
    'they would be sent derivations that nobody judged',
  ),
  shown(
    'security.nixsig.without = [ "hooks" ];',
    'which would refuse every build: it only lets in outputs of builds that the hooks allowed. Either leave out "plugin" as well, or take "hooks" out of it.',
  ),
  shown(
    'security.nixsig.without = [ "hooks" "build-hook" "plugin" "gate" ];',
    'security.nixsig.without leaves out everything, so nothing would be judged.',
  ),
  shown(
    FLEET,
    'the plugin refuses what was not judged here. Either leave it out (security.nixsig.without = [ "plugin" ]), or have the own gate ask the caches',
  ),
  shown(
    'nix.package = pkgs.nix // { pname = "lix"; };',
    'Lix continues without a plugin that it cannot load. Either set nix.package = pkgs.nix, or leave the plugin out (security.nixsig.without = [ "plugin" ])',
  ),
  shown('nix.package = pkgs.nix // { version = "2.7.0"; };', 'needs Nix 2.8 or later'),
  shown('nix.enable = false;', 'nix.enable is false'),
  shown(
    'security.nixsig.mode = "enforce";',
    'every source is refused, and nobody is trusted: next to nothing could be built, this system included. Either list whom you trust in security.nixsig.principals (on a machine that builds everything itself, security.nixsig.default.require.source = "nothing"), or begin with security.nixsig.mode = "warn".',
  ),
  shown(
    'security.nixsig.settings = { mode = "enforce"; gate.on-refusal = "not-found"; revocations = [ ]; };',
    'security.nixsig.settings has gate.on-refusal, which security.nixsig.gate.onRefusal sets, mode, which security.nixsig.mode sets, revocations, which security.nixsig.revocations sets: one of the two would be lost.',
  ),
  also(
    'security.nixsig.settings.default.accept-graph = true;',
    'which security.nixsig.default.acceptGraph sets',
  ),
  also('security.nixsig.settings.gate = "x";', 'has gate, which security.nixsig.gate.'),
  also('security.nixsig.settings.principals.bob.keys = [ ];', 'which security.nixsig.principals sets'),
  also('security.nixsig.settings.version = 2;', 'version, which nixsig itself sets'),
  shown(
    'security.nixsig.default.require.derivation = "approved";',
    'approvals.by does not say who approves. Either name who (security.nixsig.approvals.by = "self" is what root approves on this machine), or require something else there.',
  ),
  also(
    'security.nixsig.rules = [ { match.name = "*.tar"; require.source = "approved"; } ];',
    'approvals.by does not say who approves',
  ),
  also('security.nixsig.expressions.enable = true;', 'approvals.by does not say who approves'),
  shown(
    'security.nixsig.principals.alice = { };',
    'security.nixsig.principals.alice has no key, so nobody could sign in that name. Either give it keys or keyFiles',
  ),
  also(
    'security.nixsig.principals.carol.keys = [ "carol-9:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU=" ]; security.nixsig.trustedLists = [ /srv/checkout/test/nixpkgs/trusted-list.toml ];',
    'carol comes from more than one place among principals, groups and trusted lists',
  ),
  also(
    `security.nixsig.principals."cache.nixos.org".keys = [ "${KEY}" ]; security.nixsig.presets = [ "cache.nixos.org" ];`,
    'cache.nixos.org comes from more than one place',
  ),
]

/** The headings under which the page shows them. */
export const CONTRADICTIONS_BY_PLACE: readonly (readonly [place: string, of: readonly Contradiction[]])[] = [
  ['In nix.conf', IN_NIX_CONF],
  ['Beside nix.conf', BESIDE_NIX_CONF],
  ["In nixsig's own options, and in what it needs", OWN],
]

export const CONTRADICTIONS: readonly Contradiction[] = CONTRADICTIONS_BY_PLACE.flatMap(([, of]) => of)
