import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseGuixAuthorizations } from '../../src/formats/guix-authorizations.ts'

const [ONE, TWO] = ['AD17A21EF8AED8F1CC02DBD9F8AED8F1765C61E3', '2A3939261E5CF1DC2B2AC47F5F7D4F6B5F7F5D4C']
const spaced = (key: string) => key.replace(/(.{4})(?!$)/g, '$1 ')
const read = (text: string) => [...parseGuixAuthorizations(Buffer.from(text))]

describe('.guix-authorizations', () => {
  it('lists fingerprints, in the form of the manual', () => {
    const text = `;; -*- Scheme -*-
(authorizations
 (version 0)               ;current file format version
 (("${spaced(ONE)}"
   (name "alice"))
  ;; (“primary”)
  ("${TWO.toLowerCase()}" (name "bob \\"the\\" builder") (role dev 2))))
;; the end`
    assert.deepEqual(read(text), [ONE, TWO])
  })

  it('may list nobody, or somebody twice', () => {
    assert.deepEqual(read('(authorizations (version 0) ())'), [])
    assert.deepEqual(read(`(authorizations (version 0) (("${ONE}") ("${spaced(ONE)}")))`), [ONE])
  })

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['another version', '(authorizations (version 1) ())', /not \(version 0\)/],
    ['no version', `(authorizations (("${ONE}")))`, /not \(version 0\)/],
    ['another expression', '(channel (version 0) ())', /not \(authorizations/],
    ['no keys', '(authorizations (version 0))', /no list of keys/],
    ['more than Guix looks at', '(authorizations (version 0) () ())', /something after the list/],
    ['a second expression', '(authorizations (version 0) ()) (x)', /something after the first/],
    ['a short fingerprint', '(authorizations (version 0) (("AD17")))', /not a fingerprint/],
    ['a symbol for a fingerprint', `(authorizations (version 0) ((${ONE})))`, /not begin with a string/],
    [
      'a property that is not a list',
      `(authorizations (version 0) (("${ONE}" alice)))`,
      /not a list: a property/,
    ],
    ['no end', '(authorizations (version 0) (', /it has no end \(line 1\)/],
    ['one end too many', '(authorizations (version 0) ()))', /something after the first/],
    ['only a closing parenthesis', ')', /closes nothing/],
    ['a block comment, which may hide what a person reads', '#| x |# (authorizations)', /neither a list/],
    ['a quotation', "'(authorizations (version 0) ())", /neither a list/],
    ['tokens that touch', '(authorizations (version 0) (("a""b")))', /without space/],
    ['nothing', '  ; nothing\n', /it has no end/],
    ['bytes that are not UTF-8', '(authorizations \u00ff)', /not UTF-8/],
    ['lists that are too deep', '('.repeat(9), /more than 8 deep/],
    ['too much', `;${'x'.repeat(1024 * 1024)}`, /larger than/],
  ]
  for (const [what, text, reason] of refused) {
    it(`is malformed with ${what}`, () => {
      const bytes = Buffer.from(text, what.startsWith('bytes') ? 'latin1' : 'utf8')
      assert.throws(() => parseGuixAuthorizations(bytes), { name: 'FormatError', message: reason })
    })
  }
})
