import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseGitCommit, parseGitTag, parseGitTree } from '../../src/formats/git-object.ts'

const ID = '0123456789abcdef0123456789abcdef01234567'
const ARMOUR = '-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n'
const TAG = `object ${ID}\ntype commit\ntag v1.0\ntagger Dev <dev@example.org> 1704164645 +0000\n\nRelease\n`
const PEOPLE = 'author Dev <d@e> 1 +0000\ncommitter Dev <d@e> 1 +0000\n'

function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

function text(contents: Uint8Array | undefined): string {
  return Buffer.from(contents ?? []).toString('latin1')
}

describe('a git tag', () => {
  it('is signed over everything before the signature', () => {
    const tag = parseGitTag(bytes(TAG + ARMOUR))
    assert.deepEqual([tag.commit, tag.name], [ID, 'v1.0'])
    assert.equal(text(tag.signed?.payload), TAG)
    assert.equal(text(tag.signed?.signature), ARMOUR)
  })

  it('may have no signature', () => {
    assert.equal(parseGitTag(bytes(TAG)).signed, undefined)
  })

  const refused: readonly (readonly [string, string, RegExp])[] = [
    [
      'attack: two signatures, where readers could take either',
      TAG + ARMOUR + ARMOUR,
      /more than one beginning/,
    ],
    [
      'attack: a second signature of another kind',
      `${TAG}-----BEGIN SSH SIGNATURE-----\n${ARMOUR}`,
      /more than one beginning/,
    ],
    ['a tag of a tree', TAG.replace('type commit', 'type tree'), /not of a commit/],
    ['a tag of another tag', TAG.replace('type commit', 'type tag'), /not of a commit/],
    ['an abbreviated id', TAG.replace(ID, ID.slice(1)), /no whole object id/],
    ['attack: a second object', TAG.replace('type', `object ${ID}\ntype`), /"type" is not where/],
    ['an unknown header', TAG.replace('\n\n', '\nencoding x\n\n'), /header that no tag has/],
    ['no message', TAG.slice(0, TAG.indexOf('\n\n')), /no end of its headers/],
    ['attack: text behind a NUL', `${TAG}\0${ARMOUR}`, /NUL/],
    ['nothing', '', /no end of its headers/],
  ]
  for (const [title, contents, reason] of refused) {
    it(`is refused: ${title}`, () => assert.throws(() => parseGitTag(bytes(contents)), reason))
  }
})

describe('a git commit', () => {
  const head = `tree ${ID}\nparent ${ID}\n${PEOPLE}`
  const folded = ARMOUR.trimEnd().replaceAll('\n', '\n ')

  it('is signed over everything but the header of the signature', () => {
    const commit = parseGitCommit(bytes(`${head}gpgsig ${folded}\nencoding x\n\nMessage\n\n${ARMOUR}`))
    assert.equal(commit.tree, ID)
    assert.equal(text(commit.signed?.payload), `${head}encoding x\n\nMessage\n\n${ARMOUR}`)
    assert.equal(text(commit.signed?.signature), ARMOUR)
  })

  it('with a signature only in its message is not signed', () => {
    assert.equal(parseGitCommit(bytes(`${head}\nMessage\n${ARMOUR}`)).signed, undefined)
  })

  it('keeps headers of several lines', () => {
    const tag = `mergetag object ${ID}\n type commit\n \n  message`
    const commit = parseGitCommit(bytes(`${head}${tag}\ngpgsig ${folded}\n\nMerge\n`))
    assert.equal(text(commit.signed?.payload), `${head}${tag}\n\nMerge\n`)
  })

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['attack: two signatures', `${head}gpgsig a\ngpgsig b\n\nm`, /more than one signature/],
    [
      'attack: two signatures in one header',
      `${head}gpgsig -----BEGIN PGP SIGNATURE-----\n -----END PGP SIGNATURE-----\n -----BEGIN PGP SIGNATURE-----\n\nm`,
      /more than one signature/,
    ],
    [
      'attack: two signatures for two kinds of ids',
      `${head}gpgsig a\ngpgsig-sha256 b\n\nm`,
      /more than one signature/,
    ],
    ['attack: a second tree', `${head}tree ${ID}\n\nm`, /two trees/],
    ['no tree first', `parent ${ID}\ntree ${ID}\n\nm`, /"tree" is not where/],
    ['attack: a NUL in the message', `${head}\nm\0evil`, /NUL/],
    ['a mebibyte of message', `${head}\n${'m'.repeat(1024 * 1024)}`, /more than 1048576 bytes/],
  ]
  for (const [title, contents, reason] of refused) {
    it(`is refused: ${title}`, () => assert.throws(() => parseGitCommit(bytes(contents)), reason))
  }
})

describe('a git tree', () => {
  const entry = (mode: string, name: string) => `${mode} ${name}\0${'i'.repeat(20)}`

  it('has its entries in the order of git', () => {
    const tree = parseGitTree(
      bytes(entry('100755', 'run') + entry('40000', 'src') + entry('120000', 'x')),
      20,
    )
    assert.deepEqual(
      tree.map(({ name, kind, id }) => [name, kind, id.slice(0, 4)]),
      [
        ['run', 'executable', '6969'],
        ['src', 'directory', '6969'],
        ['x', 'symlink', '6969'],
      ],
    )
  })

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['attack: the name ..', entry('40000', '..'), /name that no file may have/],
    ['attack: the name .GIT', entry('40000', '.GIT'), /name that no file may have/],
    ['attack: a slash in a name', entry('100644', 'a/b'), /cannot be read/],
    ['attack: one name twice', entry('100644', 'a') + entry('120000', 'a'), /two entries of one name/],
    ['an unknown mode', entry('100600', 'a'), /cannot be read/],
    ['no name', entry('100644', ''), /cannot be read/],
    ['an id that breaks off', entry('100644', 'a').slice(0, -1), /cannot be read/],
    ['ids of another length', entry('100644', 'a') + entry('100644', 'b').slice(0, 12), /cannot be read/],
  ]
  for (const [title, contents, reason] of refused) {
    it(`is refused: ${title}`, () => assert.throws(() => parseGitTree(bytes(contents), 20), reason))
  }
})
