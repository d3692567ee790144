// An esbuild plugin that shrinks sodium-native to what nixsig calls and lets it run without
// node_modules:
// - of its wrappers only those in WRAPPERS are kept (the whole index costs a hook a third of its
//   start-up time);
// - its compiled half is loaded from prebuilds/<platform>-<arch>/ of dist/.
// If that cannot be loaded the bundle fails to start, which in a hook refuses: there is no other
// Ed25519 to fall back on. The hooks' own bundle loads it when it has something to hash, which is
// seldom; failing there refuses as well.

import { readFileSync } from 'node:fs'

/**
 * The wrappers that src/primitives/sodium.ts imports. They check lengths, so the raw binding is
 * never called directly.
 */
const WRAPPERS = [
  'crypto_generichash',
  'crypto_generichash_final',
  'crypto_generichash_init',
  'crypto_generichash_update',
  'crypto_hash_sha256',
  'crypto_sign_detached',
  'crypto_sign_seed_keypair',
  'crypto_sign_verify_detached',
  'randombytes_buf',
]

/** Wrappers for passphrases, which a hook never needs. */
const PASSPHRASE_WRAPPERS = [
  'crypto_aead_xchacha20poly1305_ietf_decrypt',
  'crypto_aead_xchacha20poly1305_ietf_encrypt',
  'crypto_pwhash',
  'sodium_memzero',
]

/** The only wrapper that a hook calls before it judges. */
const HOOK_WRAPPERS = ['crypto_hash_sha256']

const HEADER = `
const { join } = require('node:path')
let loaded
function binding() {
  if (loaded !== undefined) return loaded.exports
  const addon = { exports: {} }
  process.dlopen(addon, join(__dirname, '@PREBUILDS@', process.platform + '-' + process.arch, 'sodium-native.node'))
  loaded = addon
  return addon.exports
}
const OPTIONAL = Buffer.from(new ArrayBuffer(0))
function assert(condition, message) { if (!condition) throw new TypeError(message) }
`

const AT_START = `
exports.crypto_generichash_STATEBYTES = binding().crypto_generichash_STATEBYTES
`

/**
 * The text of one wrapper: from its `exports.NAME = function` to the closing brace in the first
 * column.
 */
function wrapper(index, name) {
  const start = index.indexOf(`\nexports.${name} = function`)
  const end = index.indexOf('\n}\n', start)
  if (start < 0 || end < 0) throw new Error(`sodium-native has no wrapper ${name}`)
  return index.slice(start, end + 3).replaceAll('binding.', 'binding().')
}

/**
 * `prebuilds`: where these are, seen from the bundle. `forHook`: the one function that a hook
 * needs, loaded when it is called first. To call another one fails, and so refuses.
 */
export function sodiumBesideBundle({ passphrases = false, forHook = false, prebuilds = 'prebuilds' } = {}) {
  const usual = passphrases ? [...WRAPPERS, ...PASSPHRASE_WRAPPERS] : WRAPPERS
  const wrappers = forHook ? HOOK_WRAPPERS : usual
  const header = (forHook ? HEADER : HEADER + AT_START).replace('@PREBUILDS@', prebuilds)
  return {
    name: 'sodium-beside-bundle',
    setup(build) {
      build.onLoad({ filter: /[\\/]sodium-native[\\/]index\.js$/ }, args => {
        const index = readFileSync(args.path, 'utf8')
        return { contents: header + wrappers.map(name => wrapper(index, name)).join('\n'), loader: 'js' }
      })
    },
  }
}
