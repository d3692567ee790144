/** Doors about the sources of binaries. */
import { parseNixPublicKey } from '../formats/nix/nix-key.ts'
import { itemsOf } from '../nix-config/settings.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { about, closed, type Finding, open, unknown } from './door.ts'
import type { Facts } from './facts.ts'
import { inEachView, list, shown, wants } from './views.ts'

export const requireSigs = wants('require-sigs', true)

export const substituters = (facts: Facts) => onlyTheGate(facts, 'substituters')
export const trustedSubstituters = (facts: Facts) => onlyTheGate(facts, 'trusted-substituters')

function onlyTheGate(facts: Facts, name: string): Finding {
  return inEachView(facts, settings => {
    const items = itemsOf(settings, name)
    if (items.length === 0) return closed(`${name} is empty`)
    return about(facts.gate.urls, urls => {
      const others = items.filter(item => !urls.includes(addressOf(item)))
      const remedy =
        urls.length === 0 ? undefined : `set: ${name} = ${name === 'substituters' ? urls[0] : ''}`.trimEnd()
      return others.length === 0
        ? closed(shown(settings, name))
        : open(`not the gate: ${list(others)}`, remedy)
    })
  })
}

/** Compares keys by their bytes: a key can have any name. */
export function trustedPublicKeys(facts: Facts): Finding {
  return inEachView(facts, settings => {
    const items = itemsOf(settings, 'trusted-public-keys')
    if (items.length === 0) return closed('trusted-public-keys is empty')
    return about(facts.gate.keys, keys => {
      const others = items.filter(item => !keys.some(key => isKey(item, key.publicKey)))
      return others.length === 0
        ? closed("the gate's key alone")
        : open(`not the gate's key: ${list(others)}`)
    })
  })
}

/**
 * If Nix signed its own builds with the gate's key, they would look as if the gate had let them in.
 */
export function secretKeyFiles(facts: Facts): Finding {
  return inEachView(facts, settings => {
    const files = itemsOf(settings, 'secret-key-files')
    if (files.length === 0) return closed('secret-key-files is empty')
    return about(facts.gate.keys, keys => {
      for (const file of files) {
        const found = facts.files.secretKeys.get(file) ?? { problem: `${printable(file)} was not read` }
        if ('problem' in found) return unknown(found.problem)
        if (keys.some(key => isSame(found.value, key.publicKey)))
          return open(`${printable(file)} holds the gate's key`)
      }
      return closed("the gate's key is not among them")
    })
  })
}

const TTLS = ['narinfo-cache-positive-ttl', 'narinfo-cache-negative-ttl']

/** Answers of the gate that Nix caches would outlive a revocation. */
export function narinfoTtl(facts: Facts): Finding {
  return inEachView(facts, settings => {
    const kept = TTLS.filter(name => settings.get(name) !== '0')
    return kept.length === 0 ? closed('both are 0') : open(kept.map(name => shown(settings, name)).join(', '))
  })
}

const STORES = ['store', 'substituters', 'trusted-substituters', 'builders']

/** A store with `trusted` in its address needs no signature. */
export function trustedStores(facts: Facts): Finding {
  return inEachView(facts, settings => {
    const holes = STORES.flatMap(name => itemsOf(settings, name)).filter(isTrustedStore)
    return holes.length === 0 ? closed('no store is trusted by its address') : open(list(holes))
  })
}

function isTrustedStore(item: string): boolean {
  const [, query = ''] = item.split('?')
  return query.split('&').some(pair => /^trusted=(?!false$|no$|0$)/.test(pair))
}

function addressOf(url: string): string {
  return (url.split('?', 1)[0] ?? '').replace(/\/$/, '')
}

function isKey(text: string, bytes: Uint8Array): boolean {
  try {
    return isSame(parseNixPublicKey(text).publicKey, bytes)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return false
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b)
}
