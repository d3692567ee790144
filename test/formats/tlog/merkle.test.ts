import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  emptyRoot,
  GrowingTree,
  includes,
  leafHash,
  nodeHash,
  PROOF_LIMIT,
  rootOfLeaves,
} from '../../../src/formats/tlog/merkle.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { referenceInclusion, referenceRoot } from '../../support/tlog/reference-tree.ts'

/** Entries and roots by size, as the tests of Certificate Transparency have them. */
const ENTRIES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
]
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

const entries = (count: number) => Array.from({ length: count }, (_, index) => Buffer.from(`entry ${index}`))
const leaves = (count: number) => entries(count).map(leafHash)
const headOf = (count: number) => ({ size: count, root: rootOfLeaves(leaves(count)) })

describe('the root of a tree', () => {
  it('is the known one', () => {
    for (const [size, root] of ROOTS.entries()) {
      assert.equal(
        toHex(rootOfLeaves(ENTRIES.slice(0, size).map(hex => leafHash(Buffer.from(hex, 'hex'))))),
        root,
      )
    }
    assert.equal(toHex(emptyRoot()), ROOTS[0])
  })

  it('is that of the recursive definition, also from complete subtrees', () => {
    for (let size = 0; size <= 70; size++) {
      const root = referenceRoot(entries(size))
      assert.deepEqual(rootOfLeaves(leaves(size)), root, `${size}`)
      for (const step of [2, 8, 64]) {
        const tree = new GrowingTree()
        const all = leaves(size)
        while (size - tree.size >= step)
          tree.appendSubtree(rootOfLeaves(all.slice(tree.size, tree.size + step)), step)
        for (const leaf of all.slice(tree.size)) tree.append(leaf)
        assert.deepEqual([tree.size, tree.root()], [size, root], `${size} by ${step}`)
      }
    }
  })

  it('takes no subtree that is none', () => {
    const tree = new GrowingTree()
    const root = Buffer.alloc(32)
    for (const size of [0, 3, -2, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      assert.throws(() => tree.appendSubtree(root, size), TypeError)
    }
    assert.throws(() => tree.append(Buffer.alloc(31)), TypeError)
    tree.append(root)
    assert.throws(() => tree.appendSubtree(root, 2), /a subtree of 2 leaves after 1/)
  })
})

describe('a proof of inclusion', () => {
  it('holds for each leaf of each tree, for its own place alone', () => {
    for (let size = 1; size <= 20; size++) {
      const tree = headOf(size)
      for (let index = 0; index < size; index++) {
        const proof = referenceInclusion(index, entries(size))
        const leaf = leafHash(entries(size)[index] ?? Buffer.of())
        assert.ok(includes(tree, { leaf, index, proof }), `${index} of ${size}`)
        for (let other = 0; other < size; other++) {
          if (other !== index)
            assert.ok(!includes(tree, { leaf, index: other, proof }), `${other} for ${index}`)
        }
        for (const other of [proof.slice(1), proof.slice(0, -1), [...proof, leaf], [leaf, ...proof]]) {
          if (other.length !== proof.length) assert.ok(!includes(tree, { leaf, index, proof: other }))
        }
      }
    }
  })

  it('holds in trees past 32 bits', () => {
    const size = 2 ** 40 + 1
    const left = Buffer.alloc(32, 7)
    const leaf = leafHash(Buffer.from('last'))
    assert.ok(includes({ size, root: nodeHash(left, leaf) }, { leaf, index: 2 ** 40, proof: [left] }))
    assert.ok(!includes({ size, root: nodeHash(left, leaf) }, { leaf, index: 0, proof: [left] }))
  })

  it('attack: an inner node is not an entry', () => {
    const [one, two] = leaves(2)
    assert.ok(one !== undefined && two !== undefined)
    const entry = Buffer.concat([one, two])
    assert.ok(!includes(headOf(2), { leaf: leafHash(entry), index: 0, proof: [] }))
    // Its hash under the rule for leaves would be needed: the root of a tree of one.
    assert.ok(
      !includes({ size: 1, root: nodeHash(one, two) }, { leaf: leafHash(entry), index: 0, proof: [] }),
    )
  })

  it('is false for numbers and sizes that are none', () => {
    const tree = headOf(3)
    const leaf = leafHash(Buffer.from('entry 0'))
    const proof = referenceInclusion(0, entries(3))
    for (const index of [-1, 3, 0.5, Number.NaN, 2 ** 53]) assert.ok(!includes(tree, { leaf, index, proof }))
    for (const size of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
      assert.ok(!includes({ ...tree, size }, { leaf, index: 0, proof }))
    }
    const many = Array.from({ length: PROOF_LIMIT + 1 }, () => leaf)
    assert.ok(!includes({ size: 2 ** 53 - 1, root: leaf }, { leaf, index: 0, proof: many }))
    assert.ok(!includes(tree, { leaf: leaf.subarray(1), index: 0, proof }))
    assert.ok(!includes(tree, { leaf, index: 0, proof: proof.map(hash => hash.subarray(1)) }))
  })

  it('breaks with any bit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), (size, where, bit) => {
        const index = where % size
        const proof = referenceInclusion(index, entries(size)).map(hash => Buffer.from(hash))
        const leaf = Buffer.from(leaves(size)[index] ?? [])
        const flipped = [leaf, ...proof][bit % (proof.length + 1)]
        if (flipped !== undefined) flipped[bit % 32] = (flipped[bit % 32] ?? 0) ^ (1 << (bit % 8))
        assert.ok(!includes(headOf(size), { leaf, index, proof }))
      }),
    )
  })
})
