// The demo: node tools/demo.mjs. Three machines with a store, a configuration and keys of their own, all in memory;
// nothing on this one changes but for the Debian packages that are missing and the release that is fetched by apt.

import { ensure } from './ensure.mjs'
import { runCompiled } from './run-compiled.mjs'

ensure(['nix', 'gpgv', 'unshare', 'nsenter', 'flock', 'dpkg-source'])
if (process.getuid?.() !== 0) {
  console.error('the demo makes namespaces and needs root')
  process.exit(2)
}
process.exit(await runCompiled('demo/demo.ts'))
