/** Holes that are made by hand in a machine that is set up, each with the doors that it opens. */
import type { World } from '../../support/world.ts'

export interface Hole {
  readonly name: string
  /** Returns the command that mends it, where that is more than to write back nix.conf. */
  readonly make: (world: World) => undefined | Promise<string>
  /** Doors that have to be open or unknown then, and none but these and `also` may be. */
  readonly doors: readonly string[]
  readonly also?: readonly string[]
}

/** Settings at the very end of nix.conf, where the last word is. */
export const inConf = (lines: string) => (world: World) => {
  world.write('/etc/nix/nix.conf', `${world.read('/etc/nix/nix.conf')}${lines}\n`)
  return undefined
}

/** A command that makes a hole, and one that mends it. */
const byCommand =
  (make: string, mend: string): Hole['make'] =>
  async world => {
    await world.output(make)
    return mend
  }

const ROOT_CONF = '/root/.config/nix/nix.conf'
/** Settings at the end of root's own nix.conf, which counts more. */
const inRootConf = (lines: string, more = '') =>
  byCommand(
    `cp -p /etc/nix/nix.conf /srv/n; cp -p ${ROOT_CONF} /srv/r; printf '${lines}\\n' >>${ROOT_CONF}; printf '${more}' >>/etc/nix/nix.conf`,
    `cp -p /srv/n /etc/nix/nix.conf; cp -p /srv/r ${ROOT_CONF}`,
  )

/**
 * In nix.conf: each opens its own doors and keeps nothing else from being tried, so that all are
 * made at once.
 */
export const SETTINGS: readonly Hole[] = [
  { name: 'a relaxed sandbox', make: inConf('build-use-sandbox = relaxed'), doors: ['sandbox'] },
  { name: 'falling back to none', make: inConf('sandbox-fallback = true'), doors: ['sandbox-fallback'] },
  { name: 'no signatures', make: inConf('require-sigs = false'), doors: ['require-sigs'] },
  {
    name: 'one substituter more',
    make: inConf('extra-substituters = https://x.example'),
    doors: ['substituters'],
  },
  {
    name: 'one that users may add',
    make: inConf('trusted-substituters = https://x.example'),
    doors: ['trusted-substituters'],
  },
  {
    name: 'a store that is believed',
    make: inConf('extra-substituters = file:///srv/x?trusted=1'),
    doors: ['substituters', 'trusted-stores'],
  },
  {
    name: 'one key more',
    make: inConf(
      'extra-trusted-public-keys = cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=',
    ),
    doors: ['trusted-public-keys'],
  },
  { name: 'remembered narinfos', make: inConf('narinfo-cache-positive-ttl = 3600'), doors: ['narinfo-ttl'] },
  { name: 'a trusted user', make: inConf('extra-trusted-users = alice'), doors: ['trusted-users'] },
  { name: "a flake's settings", make: inConf('accept-flake-config = true'), doors: ['accept-flake-config'] },
  {
    name: 'derivations that nobody can sign',
    make: inConf('extra-experimental-features = impure-derivations'),
    doors: ['experimental-features'],
  },
  {
    name: "the gate's key as the builder's",
    make: inConf('secret-key-files = /var/lib/nixsig/gate.secret'),
    doors: ['secret-key-files'],
  },
  { name: 'no post-build hook', make: inConf('post-build-hook ='), doors: ['post-build-hook'] },
]

/** In nix.conf: each decides what comes of what the doctor tries. */
export const ALONE: readonly Hole[] = [
  { name: 'builds without a sandbox', make: inConf('sandbox = false'), doors: ['sandbox', 'effects'] },
  { name: 'no pre-build hook', make: inConf('pre-build-hook ='), doors: ['pre-build-hook'] },
  {
    name: "somebody's pre-build hook",
    make: inConf('pre-build-hook = /bin/true'),
    doors: ['pre-build-hook', 'effects'],
  },
  {
    name: 'no front for builds',
    make: inRootConf('build-hook = /srv/decline'),
    doors: ['build-hook', 'builders', 'effects'],
  },
  {
    name: 'no plugin',
    make: inConf('plugin-files ='),
    doors: ['plugin-files', 'plugin-loaded', 'import-by-root'],
  },
  {
    name: 'nothing of nixsig at all',
    make: inRootConf(
      'build-hook = /srv/decline',
      'pre-build-hook =\\npost-build-hook =\\nbuilders =\\nplugin-files =\\n',
    ),
    doors: [
      'pre-build-hook',
      'post-build-hook',
      'build-hook',
      'plugin-files',
      'plugin-loaded',
      'import-by-root',
      'build-by-root',
      'kept-build-by-root',
    ],
  },
  {
    name: 'an include that is gone',
    make: inConf('include /etc/nix/gone.conf'),
    doors: ['nix.conf', 'sandbox', 'substituters', 'plugin-loaded', 'import-by-root', 'build-by-root'],
    also: ['*'],
  },
]

/** In other files: each opens its own doors, so that all are made at once. */
export const ELSEWHERE: readonly Hole[] = [
  {
    name: 'a nix.conf that others may write',
    make: byCommand('chmod 666 /etc/nix/nixsig.conf', 'chmod 644 /etc/nix/nixsig.conf'),
    doors: ['nix.conf-protection'],
  },
  {
    name: 'a flake that root said yes to',
    make: byCommand(
      `mkdir -p /root/.local/share/nix; echo '{"substituters":{"x":true}}' >/root/.local/share/nix/trusted-settings.json`,
      'rm -r /root/.local',
    ),
    doors: ['accept-flake-config'],
  },
  {
    name: 'a hook that cannot be run',
    make: byCommand(
      'chmod -x /opt/nixsig/native/pre-build-hook',
      'chmod +x /opt/nixsig/native/pre-build-hook',
    ),
    doors: ['pre-build-hook'],
  },
  {
    name: 'a hook that others may write',
    make: byCommand(
      'chmod o+w /opt/nixsig/native/post-build-hook',
      'chmod o-w /opt/nixsig/native/post-build-hook',
    ),
    doors: ['post-build-hook', 'bundle'],
  },
  {
    name: "a part of the hooks that is not root's",
    make: byCommand('chown alice /opt/nixsig/decide.js', 'chown root /opt/nixsig/decide.js'),
    doors: ['bundle'],
  },
  {
    name: 'a secret key that others may read',
    make: byCommand('chmod 644 /var/lib/nixsig/gate.secret', 'chmod 600 /var/lib/nixsig/gate.secret'),
    doors: ['state'],
  },
  {
    name: 'a ledger that others may write',
    make: byCommand(
      'mkdir -p /var/lib/nixsig/ledger; chmod 777 /var/lib/nixsig/ledger',
      'chmod 755 /var/lib/nixsig/ledger',
    ),
    doors: ['state'],
    // The plugin does not believe such a ledger. It may refuse a build before a hook is asked.
    also: ['effects'],
  },
  {
    name: 'a clock that is behind',
    make: byCommand('touch -d 2099-01-01 /var/lib/nixsig/future', 'rm /var/lib/nixsig/future'),
    doors: ['clock'],
  },
  {
    name: 'an exemption that ends soon',
    make: async world => {
      const soon = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10)
      world.write(
        '/etc/nixsig/policy.toml.more',
        `[[exemptions]]\nname = "x"\nkind = "output"\nreason = "r"\nuntil = ${soon}\n`,
      )
      await world.output(
        'cp -p /etc/nixsig/policy.toml /etc/nixsig/old; cat /etc/nixsig/policy.toml.more >>/etc/nixsig/policy.toml',
      )
      return 'mv /etc/nixsig/old /etc/nixsig/policy.toml; rm /etc/nixsig/policy.toml.more'
    },
    doors: ['policy-dates'],
  },
]

/** In other files: each changes what other doors say. */
export const ELSEWHERE_ALONE: readonly Hole[] = [
  {
    name: "settings of root's own",
    make: inRootConf('sandbox = false'),
    doors: ['sandbox', 'effects'],
  },
  {
    name: 'a policy that others may write',
    make: byCommand('chmod 666 /etc/nixsig/policy.toml', 'chmod 644 /etc/nixsig/policy.toml'),
    doors: ['policy', 'mode'],
    also: ['*'],
  },
  {
    name: 'a single-user store',
    make: byCommand('chown alice /nix/store', 'chown root /nix/store'),
    doors: ['store'],
  },
  {
    name: 'warn mode',
    make: byCommand(
      // A file that changed a moment ago is not taken for settled, and until it is the plugin
      // refuses.
      'cp -p /etc/nixsig/policy.toml /etc/nixsig/old; sed -i s/enforce/warn/ /etc/nixsig/policy.toml; sleep 2.5',
      'mv /etc/nixsig/old /etc/nixsig/policy.toml',
    ),
    doors: [
      'mode',
      'import-by-root',
      'import-by-daemon',
      'build-by-root',
      'build-by-daemon',
      'kept-build-by-root',
      'kept-build-by-daemon',
    ],
  },
  // The daemon keeps the old one, so this one is last.
  {
    name: 'a plugin that was replaced while the daemon runs',
    make: byCommand('cd /opt/nixsig/native && cp nixsig-plugin.so x && mv x nixsig-plugin.so', 'true'),
    doors: ['plugin-loaded'],
  },
]
