/**
 * Pins that cannot be read, or could be read in two ways. One such pin says nothing about the
 * others of its lock.
 */
import { FormatError } from '../../primitives/format-error.ts'
import type { JsonNode } from '../json/shape.ts'
import { parseNixHash } from '../nix/nix-hash.ts'
import { archivePin } from './archive-url.ts'
import { canonicalUrl, FORGE_HOSTS, forgeUrl, originGlob, pathUrl } from './input-url.ts'
import type { OddPin, Pin } from './locked-input.ts'

/**
 * Reads a pin; what cannot be read is an odd one. `known`: what is known of it all the same, by
 * default nothing.
 */
export function pinOrOdd(
  read: () => Pin,
  known: () => Pick<OddPin, 'urls' | 'isHashed'> = () => ({ urls: '*', isHashed: false }),
): Pin {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return { kind: 'odd', ...known(), problem: error.message }
  }
}

/** What is known of the attributes of a flake reference that cannot be read as a whole. */
export function knownOfRef({ value }: JsonNode): Pick<OddPin, 'urls' | 'isHashed'> {
  const text = (name: string) => {
    const found = value instanceof Map ? value.get(name) : undefined
    return typeof found === 'string' ? found : undefined
  }
  const hash = text('narHash')
  const isHashed = hash !== undefined && unless(() => parseNixHash(hash).algorithm === 'sha256') === true
  return { urls: urlsOf(text), isHashed }
}

/** A glob for the canonical URLs that it may name: of one, of all on a host, or of all. */
function urlsOf(text: (name: string) => string | undefined): string {
  const [type = '', url] = [text('type'), text('url')]
  if (Object.hasOwn(FORGE_HOSTS, type)) {
    const host = text('host') ?? FORGE_HOSTS[type] ?? ''
    const [owner = '', repo = ''] = [text('owner'), text('repo')]
    const isHost = /^[\w.-]+(?::\d+)?$/.test(host)
    return unless(() => forgeUrl(host, owner, repo)) ?? (isHost ? originGlob(`https://${host}/`) : '*')
  }
  if (type === 'git' && url !== undefined) return unless(() => canonicalUrl(url, 'git')) ?? originGlob(url)
  if (type === 'tarball' && url !== undefined) {
    return unless(() => archivePin(url, undefined).url) ?? originGlob(url)
  }
  if (type === 'file' && url !== undefined) return unless(() => canonicalUrl(url, 'file')) ?? originGlob(url)
  if (type === 'path') return unless(() => pathUrl(text('path') ?? '')) ?? '*'
  return '*'
}

/** Undefined if it cannot be read. */
function unless<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
