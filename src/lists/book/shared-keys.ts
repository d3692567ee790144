/** Keys that several parts of a list have: what a team says takes nothing from others of its list. */
import { ownershipOf, parseKey } from '../../policy/language/keys.ts'
import { textSpelling } from '../../policy/lists/listed-people.ts'
import type { KeyRecord } from './layout.ts'

/** Which of the keys of a list's principals count. */
export interface SharedKeys {
  /** The keys of a principal of the list itself. All of these come before those of teams. */
  own(name: string, keys: readonly KeyRecord[]): readonly KeyRecord[]
  /**
   * The keys of a team's principal, without those that somebody before has in another form or with
   * another certificate, and without those that would make one person of two of the list's own.
   */
  ofTeam(keys: readonly KeyRecord[]): readonly KeyRecord[]
}

export function sharedKeys(): SharedKeys {
  const spellings = new Map<string, string>()
  const people = new People()
  const takes = (key: KeyRecord): boolean => {
    const { identity, spelling } = spelled(key)
    const before = spellings.get(identity)
    if (before === undefined) spellings.set(identity, spelling)
    return before === undefined || before === spelling
  }
  return {
    own(name, keys) {
      for (const key of keys) {
        takes(key)
        people.add(`principal ${name}`, ownershipsIn(key), name)
      }
      return keys
    },
    ofTeam(keys) {
      const someone = `somebody ${people.count}`
      return keys.filter(key => takes(key) && people.add(someone, ownershipsIn(key), undefined))
    },
  }
}

/** Raw keys and who has them, joined where they are one person's. */
class People {
  readonly #parent = new Map<string, string>()
  /** The list's own principal of whom something is, by what stands for the person. */
  readonly #own = new Map<string, string>()

  /** Grows with each who is added. */
  get count(): number {
    return this.#parent.size
  }

  /** Says that all of these are one person's; false, and nothing is said, if two of the list's own would be. */
  add(someone: string, ownerships: readonly string[], own: string | undefined): boolean {
    const roots = [...new Set([someone, ...ownerships].map(each => this.#rootOf(each)))]
    const [name, another] = new Set([own, ...roots.map(root => this.#own.get(root))].filter(isSome))
    if (another !== undefined) return false
    const [first = someone, ...others] = roots
    for (const other of others) this.#parent.set(other, first)
    if (name !== undefined) this.#own.set(first, name)
    return true
  }

  #rootOf(each: string): string {
    let root = each
    for (let up = this.#parent.get(root); up !== undefined && up !== root; up = this.#parent.get(root))
      root = up
    // What was passed on the way is at its root from now on, so that no way grows long.
    for (let at = each; at !== root; ) {
      const up = this.#parent.get(at) ?? root
      this.#parent.set(at, root)
      at = up
    }
    this.#parent.set(root, root)
    return root
  }
}

function isSome(name: string | undefined): name is string {
  return name !== undefined
}

function spelled(key: KeyRecord): { readonly identity: string; readonly spelling: string } {
  if (!('key' in key)) return { identity: `openpgp:${key.openpgp}`, spelling: key.sha256 }
  const { namespaces } = key
  const parsed = { ...parseKey(key.key), ...(namespaces && { namespaces }) }
  return { identity: parsed.identity, spelling: textSpelling(parsed) }
}

function ownershipsIn(key: KeyRecord): readonly string[] {
  return 'key' in key ? [ownershipOf(parseKey(key.key))] : key.holds
}
