/**
 * Merkle trees of transparency logs (RFC 6962, section 2.1), over SHA-256. A leaf here is the leaf's
 * hash, 32 bytes; trees have at most 2^53 - 1 leaves. Whatever is too long, too short or of another
 * size than a proof must be makes a proof false; nothing in it is thrown.
 */
import { sha256 } from '../../primitives/sodium.ts'

/** A tree as a log states it. */
export interface TreeHead {
  /** How many leaves, an integer from 0 to 2^53 - 1. */
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
}

/** The hash of an entry: SHA-256 of a zero byte and the entry. */
export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([LEAF, entry]))
}

/** The hash of an inner node: SHA-256 of a byte 1 and both hashes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([NODE, left, right]))
}

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

/** The root of a tree without leaves: SHA-256 of nothing. */
export function emptyRoot(): Uint8Array {
  return sha256(new Uint8Array())
}

/** The root over all leaves, in their order. */
export function rootOfLeaves(leaves: Iterable<Uint8Array>): Uint8Array {
  const tree = new GrowingTree()
  for (const leaf of leaves) tree.append(leaf)
  return tree.root()
}

/**
 * A tree that grows at its right edge and keeps nothing but the roots of its largest complete
 * subtrees, at most 53.
 */
export class GrowingTree {
  #size = 0
  /** Complete subtrees from left to right; each has more leaves than the next. */
  readonly #subtrees: { readonly size: number; readonly root: Uint8Array }[] = []

  /** How many leaves it has. */
  get size(): number {
    return this.#size
  }

  /** Appends the hash of a leaf, 32 bytes. Throws TypeError for another length. */
  append(leaf: Uint8Array): void {
    this.appendSubtree(leaf, 1)
  }

  /**
   * Appends a complete subtree by its root alone. Its `size`, in leaves, is a power of two that
   * divides the size of the tree so far. Throws TypeError otherwise.
   */
  appendSubtree(root: Uint8Array, size: number): void {
    if (root.length !== HASH_SIZE) throw new TypeError(`a hash of ${root.length} bytes`)
    if (!isPowerOfTwo(size)) throw new TypeError(`a subtree of ${size} leaves`)
    if (this.#size % size !== 0) throw new TypeError(`a subtree of ${size} leaves after ${this.#size}`)
    if (this.#size + size > Number.MAX_SAFE_INTEGER) throw new TypeError('a tree of 2^53 leaves')
    this.#size += size
    let joined = { size, root }
    for (let last = this.#subtrees.at(-1); last?.size === joined.size; last = this.#subtrees.at(-1)) {
      joined = { size: 2 * joined.size, root: nodeHash(last.root, joined.root) }
      this.#subtrees.pop()
    }
    this.#subtrees.push(joined)
  }

  /** The root, 32 bytes. */
  root(): Uint8Array {
    const last = this.#subtrees.at(-1)
    if (last === undefined) return emptyRoot()
    return this.#subtrees.slice(0, -1).reduceRight((right, { root }) => nodeHash(root, right), last.root)
  }
}

const HASH_SIZE = 32

function isPowerOfTwo(size: number): boolean {
  return (
    Number.isSafeInteger(size) &&
    size > 0 &&
    Number.isInteger(Math.log2(size)) &&
    2 ** Math.log2(size) === size
  )
}

/** The most hashes that a proof of inclusion in a tree of at most 2^53 - 1 leaves has. */
export const PROOF_LIMIT = 53

/**
 * Whether a leaf stands at this index of a tree, counted from 0: `proof` has the hashes beside its
 * way to the root, from the leaf's sibling upwards (RFC 6962, section 2.1.1).
 */
export function includes(
  tree: TreeHead,
  {
    leaf,
    index,
    proof,
  }: { readonly leaf: Uint8Array; readonly index: number; readonly proof: readonly Uint8Array[] },
): boolean {
  if (!isSize(tree.size) || !isSize(index) || index >= tree.size) return false
  if (![leaf, tree.root, ...proof].every(isHash) || proof.length > PROOF_LIMIT) return false
  let [node, lastNode, hash] = [index, tree.size - 1, leaf]
  for (const sibling of proof) {
    if (lastNode === 0) return false
    if (isOdd(node) || node === lastNode) {
      hash = nodeHash(sibling, hash)
      // A node without a sibling is its own parent: up to where it is a right child.
      while (node !== 0 && !isOdd(node)) [node, lastNode] = [half(node), half(lastNode)]
    } else {
      hash = nodeHash(hash, sibling)
    }
    ;[node, lastNode] = [half(node), half(lastNode)]
  }
  return lastNode === 0 && equal(hash, tree.root)
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0
}

function isHash(bytes: Uint8Array): boolean {
  return bytes.length === HASH_SIZE
}

// Sizes go past 32 bits, so no bit operators.
function isOdd(number: number): boolean {
  return number % 2 === 1
}

function half(number: number): number {
  return Math.floor(number / 2)
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}
