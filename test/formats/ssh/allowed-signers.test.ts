import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import {
  type AllowedSigner,
  parseAllowedSigners,
  printAllowedSigner,
} from '../../../src/formats/ssh/allowed-signers.ts'
import { parseSshPublicKey, printSshPublicKey } from '../../../src/formats/ssh/key.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-signers-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const message = 'a release\n'
execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'key')])
for (const namespace of ['file', 'git']) {
  const signature = execFileSync(
    'ssh-keygen',
    ['-q', '-Y', 'sign', '-f', join(dir, 'key'), '-n', namespace],
    {
      input: message,
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  )
  writeFileSync(join(dir, `${namespace}.sig`), signature)
}
const key = parseSshPublicKey(readFileSync(join(dir, 'key.pub'), 'utf8').trimEnd())
const KEY = printSshPublicKey(key, '')

/** Whether ssh-keygen, with a list, accepts the message as signed by a principal at a time. */
function accepts(list: string, principal: string, namespace = 'file', time = '20260601Z'): boolean {
  writeFileSync(join(dir, 'list'), list)
  const args = [
    '-f',
    join(dir, 'list'),
    '-I',
    principal,
    '-n',
    namespace,
    '-s',
    join(dir, `${namespace}.sig`),
  ]
  const verify = ['-Y', 'verify', '-O', `verify-time=${time}`, ...args]
  return (
    spawnSync('ssh-keygen', verify, { input: message, env: { ...process.env, TZ: 'America/New_York' } })
      .status === 0
  )
}

/** The same question, answered from our parsed list. */
function reads(list: string, principal: string, namespace = 'file', time = '20260601Z'): boolean {
  const at = Date.parse(`${time.slice(0, 4)}-${time.slice(4, 6)}-${time.slice(6, 8)}T00:00:00Z`) / 1000
  return parseAllowedSigners(Buffer.from(list)).some(
    signer =>
      signer.principals.includes(principal) &&
      (signer.namespaces?.includes(namespace) ?? true) &&
      at >= (signer.validFrom ?? 0) &&
      at < (signer.validUntil ?? Number.POSITIVE_INFINITY),
  )
}

describe('a list of allowed signers', () => {
  const signers: readonly AllowedSigner[] = [
    { principals: ['alice'], key },
    { principals: ['alice@example.org', 'bob'], key, namespaces: ['file'] },
    { principals: ['alice'], key, namespaces: ['git', 'release@example.org'] },
    { principals: ['alice'], key, validFrom: Date.UTC(2026, 0, 1) / 1000 },
    { principals: ['alice'], key, validUntil: Date.UTC(2026, 0, 1) / 1000 },
    {
      principals: ['alice'],
      key,
      namespaces: ['file', 'git'],
      validFrom: Date.UTC(2026, 4, 1, 12, 30, 5) / 1000,
      validUntil: Date.UTC(2026, 7, 1) / 1000,
    },
  ]

  it('that is printed can be read back, and means the same to ssh-keygen', () => {
    for (const signer of signers) {
      const list = `${printAllowedSigner(signer)}\n`
      assert.deepEqual(parseAllowedSigners(Buffer.from(list)), [{ ...signer, line: 1 }])
      for (const principal of ['alice', 'bob', 'alice@example.org', 'carol']) {
        for (const namespace of ['file', 'git']) {
          for (const time of ['20251231Z', '20260601Z', '20270101Z']) {
            const told = `${list} for ${principal} ${namespace} ${time}`
            assert.equal(
              reads(list, principal, namespace, time),
              accepts(list, principal, namespace, time),
              told,
            )
          }
        }
      }
    }
  })

  const SAME: readonly (readonly [string, string])[] = [
    ['with comments and empty lines', `# keys\n\n  # more\nalice ${KEY} a comment\n`],
    ['with tabs and several spaces', `alice\t  ${KEY.replace(' ', '  ')}\n`],
    ['with carriage returns', `alice ${KEY}\r\n\r\n`],
    ['without a newline at the end', `alice ${KEY}`],
    ['with principals in quotes', `"alice,bob" ${KEY}\n`],
    ['with options in capitals', `alice NAMESPACES="file",Valid-After="20260101z" ${KEY}\n`],
    ['with a time to the minute', `alice valid-before="202612311200Z" ${KEY}\n`],
    ['with several lines', `bob ${KEY}\nalice ${KEY}\n`],
  ]
  for (const [name, list] of SAME) {
    it(`${name} is read as ssh-keygen reads it`, () => {
      assert.ok(accepts(list, 'alice'))
      assert.ok(reads(list, 'alice'))
      assert.equal(reads(list, 'bob'), accepts(list, 'bob'))
    })
  }

  it('ends a key before the second that it names, which ssh-keygen still includes', () => {
    const list = `alice valid-before="20260601Z" ${KEY}\n`
    assert.deepEqual([accepts(list, 'alice'), reads(list, 'alice')], [true, false])
    assert.ok(!accepts(list, 'alice', 'file', '20260601000001Z'))
  })

  it('gives the line of each entry', () => {
    const list = `# first\nalice ${KEY}\n\nbob ${KEY}\n`
    assert.deepEqual(
      parseAllowedSigners(Buffer.from(list)).map(({ line }) => line),
      [2, 4],
    )
  })

  const REFUSED: readonly (readonly [string, string, RegExp])[] = [
    ['any principal', `* ${KEY}`, /patterns and names with odd characters.*line 1/],
    ['a pattern of principals', `*@example.org ${KEY}`, /patterns/],
    ['a principal with a question mark', `alic? ${KEY}`, /patterns/],
    ['a negated principal', `alice,!bob ${KEY}`, /patterns/],
    ['an empty principal', `alice,,bob ${KEY}`, /patterns/],
    ['a principal with a space', `"alice b" ${KEY}`, /patterns/],
    ['a principal with an invisible character', `al\u200bice ${KEY}`, /principals "al\\u\{200b\}ice"/],
    ['a pattern of namespaces', `alice namespaces="*" ${KEY}`, /namespaces "\*": patterns/],
    ['a negated namespace', `alice namespaces="!git,*" ${KEY}`, /patterns/],
    ['no namespace', `alice namespaces="" ${KEY}`, /patterns/],
    ['a certificate authority', `alice cert-authority ${KEY}`, /a certificate authority/],
    ['one among other options', `alice namespaces="file",CERT-AUTHORITY ${KEY}`, /a certificate authority/],
    ['a local time', `alice valid-after="20260101" ${KEY}`, /write 20260101Z for UTC/],
    ['a day that does not exist', `alice valid-after="20260231Z" ${KEY}`, /is not a valid time/],
    ['a time before 1970', `alice valid-after="19691231Z" ${KEY}`, /is not a valid time/],
    ['half a time', `alice valid-after="2026010112Z" ${KEY}`, /not a time like/],
    [
      'an end before the beginning',
      `alice valid-after="20260201Z",valid-before="20260101Z" ${KEY}`,
      /not after/,
    ],
    ['an option twice', `alice namespaces="file",namespaces="git" ${KEY}`, /twice/],
    ['an unknown option', `alice restrict ${KEY}`, /"restrict" is not an option/],
    ['an unknown option with a value', `alice from="x" ${KEY}`, /unknown option "from"/],
    ['an option without quotes', `alice namespaces=file ${KEY}`, /malformed options/],
    ['an option without end', `alice namespaces="file ${KEY}`, /malformed options/],
    ['a comma at the end of options', `alice namespaces="file", ${KEY}`, /malformed options/],
    ['a key alone', KEY, /must be one of|malformed options/],
    ['no key', 'alice', /no principals and key/],
    ['options and no key', 'alice namespaces="file"', /must be one of/],
    ['a certificate', `alice ssh-ed25519-cert-v01@openssh.com AAAA`, /must be one of/],
    ['a key that is cut off', `alice ${KEY.slice(0, -4)}`, /breaks off/],
    ['bytes that are not text', 'alice\xff x', /not UTF-8/],
    ['a very long line', `alice ${KEY} ${'x'.repeat(16384)}`, /longer than 16384/],
  ]
  for (const [name, list, reason] of REFUSED) {
    it(`with ${name} is refused`, () => {
      const bytes = Buffer.from(list, name.startsWith('bytes') ? 'latin1' : 'utf8')
      assert.throws(() => parseAllowedSigners(bytes), { name: 'FormatError', message: reason })
    })
  }

  it('does not quote a long word in full', () => {
    for (const word of ['x'.repeat(9000), `${'x'.repeat(9000)}="y"`, `a,${'x,'.repeat(4000)}`]) {
      const list = Buffer.from(`alice ${word} ${KEY}\n`)
      assert.throws(
        () => parseAllowedSigners(list),
        (error: Error) => error.message.length < 400,
      )
    }
  })

  it('names the line of a problem', () => {
    const list = Buffer.from(`alice ${KEY}\n# x\n* ${KEY}\n`)
    assert.throws(() => parseAllowedSigners(list), /\(line 3\)$/)
  })

  it('is not printed if ssh-keygen would read it differently', () => {
    for (const name of ['*', 'alice b', 'a,b', '#alice', 'alice"', '!alice', '', 'a\nb']) {
      assert.throws(() => printAllowedSigner({ principals: [name], key }), /cannot be written as a principal/)
    }
    assert.throws(() => printAllowedSigner({ principals: ['a'], key, namespaces: ['*'] }), /as a namespace/)
    assert.throws(
      () => printAllowedSigner({ principals: ['a'], key, validFrom: 1e12 }),
      /after the year 9999/,
    )
  })
})
