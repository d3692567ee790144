/** What a lock pins an input to, whichever tool wrote the lock. Nothing here is verified. */
import { OBJECT_ID } from '../git-object-id.ts'
import { type JsonNode, malformed, readString, stringOf } from '../json/shape.ts'
import { parseNixHash } from '../nix/nix-hash.ts'
import { innerDirectory } from './inner-directory.ts'

/** One input of a lock. */
export interface LockedInput {
  /** Its place among the inputs: `inputs.nixpkgs.inputs.lib`, or `pins.nixpkgs`. */
  readonly path: string
  /** Of a flake.lock: the names of the inputs that lead to it. */
  readonly names?: readonly string[]
  /** The line of the lock, from 1, on which it begins. */
  readonly line: number
  readonly pin: Pin
  /** Where a relative path leads; absent for every other pin. */
  readonly around?: Around
}

/** The place of a directory inside another input. */
export interface Around {
  /**
   * The input that has it, which is not itself such a directory; absent: the tree around the lock.
   */
  readonly pin?: GitPin | OtherPin | OddPin
  /**
   * The names of the directories that lead to it from the top of that tree; absent: it leaves the
   * tree. In the tree around the lock they begin at the lock, and some `..` may come first.
   */
  readonly place?: readonly string[]
}

/** A commit of a repository. */
export interface GitPin {
  readonly kind: 'git'
  /** Canonical, see input-url.ts. */
  readonly url: string
  /** What to fetch from, without a user or a password for HTTP. */
  readonly from: string
  /**
   * `tarball`: the files come as an archive that a forge makes of the commit, so that its
   * attributes decide what is in it.
   */
  readonly form: 'repository' | 'tarball'
  /** Whole ids in lower-case hex; absent: not locked. */
  readonly commit?: string
  /** SHA-256, lower-case hex; absent: not locked. */
  readonly narHash?: string
  /** The branch or tag that it follows, as the lock names it. */
  readonly ref?: string
  /** Whether Nix fetches every reference of the repository, also those that replace objects. */
  readonly allRefs?: true
  readonly submodules: boolean
  /** Whether files are replaced by what they stand for in Git LFS. */
  readonly lfs: boolean
  /** The directory of the flake in the tree, see directoryOf; absent: the top. */
  readonly dir?: string
}

/** What no commit stands behind: a file, an archive, a directory, another system's repository. */
export interface OtherPin {
  readonly kind: 'tarball' | 'file' | 'path' | 'mercurial' | 'indirect'
  /** Canonical; `hg+…` for Mercurial, `flake:ID` for what a registry stands for. */
  readonly url: string
  readonly narHash?: string
  /** A file that is pinned by the hash of its bytes, not of a NAR. */
  readonly isPinnedFlat?: true
  /** The directory of the flake in the tree, see directoryOf; absent: the top. */
  readonly dir?: string
}

/** A directory inside another input, and verified with it. */
export interface InnerPin {
  readonly kind: 'inside'
  /** The names of the inputs that lead to that one; empty for the root. */
  readonly of: readonly string[]
  /** Relative to it. */
  readonly directory: string
}

/** What cannot be read, or could be read in two ways. */
export interface OddPin {
  readonly kind: 'odd'
  /** A glob that matches every canonical URL that it may name. */
  readonly urls: string
  /** Why it cannot be read, for people, escaped. */
  readonly problem: string
  /** Whether it has the NAR hash that Nix checks. */
  readonly isHashed: boolean
}

export type Pin = GitPin | OtherPin | InnerPin | OddPin

/**
 * The SHA-256 hash in a field, in one of the forms that Nix writes; lower-case hex. Throws
 * FormatError.
 */
export function hashOf(node: JsonNode): string {
  const { algorithm, hash } = readString(node, parseNixHash)
  if (algorithm !== 'sha256') throw malformed(node, 'must be a SHA-256 hash')
  return hash
}

/** Like hashOf, also without the name of the algorithm, as npins and niv write it. */
export function bareHashOf(node: JsonNode): string {
  const text = stringOf(node)
  return hashOf(/^[0-9a-z]+$/.test(text) ? { ...node, value: `sha256:${text}` } : node)
}

/** The whole id of a commit in a field. Throws FormatError. */
export function commitOf(node: JsonNode): string {
  const text = stringOf(node)
  if (OBJECT_ID.test(text)) return text
  throw malformed(node, 'must be the whole id of a commit, 40 or 64 lower-case hexadecimal digits')
}

/**
 * What git takes for no name of a reference (git-check-ref-format(1)), and Nix takes for a bad one.
 */
const NO_REF =
  /^[-./]|^@$|\/\.|\.\.|\/\/|@\{|\.lock(?:\/|$)|[./]$|[\s:?*[\\~^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u

/** The name of a branch or a tag in a field. Throws FormatError. */
export function refOf(node: JsonNode): string {
  const text = stringOf(node)
  if (text !== '' && text.length <= 255 && !NO_REF.test(text)) return text
  throw malformed(node, 'cannot be the name of a branch or a tag')
}

/**
 * The directory of a flake in a tree: names with slashes between them, as Nix takes it; undefined
 * for the top. Throws FormatError.
 */
export function directoryOf(node: JsonNode): string | undefined {
  const path = innerDirectory(stringOf(node))
  if (path !== undefined) return path === '' ? undefined : path
  throw malformed(
    node,
    'must be the names of directories in the tree, with slashes between them, without ".."',
  )
}
