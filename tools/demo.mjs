// The demo: node tools/demo.mjs. Three machines with their own stores, configurations and keys, all
// in memory. On this machine, only missing Debian packages are installed and the release is
// downloaded with apt.

import { ensure } from './ensure.mjs'
import { runCompiled } from './run-compiled.mjs'

ensure(['nix', 'gpgv', 'unshare', 'nsenter', 'flock', 'dpkg-source'])
if (process.getuid?.() !== 0) {
  console.error('the demo makes namespaces and needs root')
  process.exit(2)
}
process.exit(await runCompiled('demo/demo.ts'))
