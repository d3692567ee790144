// The protocol of the resident process: docs/resident.md. Anything but an exact question or reply
// is an error.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseQuestion, printQuestion, QUESTION_LIMIT } from '../../src/formats/hook-question.ts'
import { type HookReply, inAscii, parseReply, printReply, REPLY_LIMIT } from '../../src/formats/hook-reply.ts'

const DRV = '/nix/store/8lnyx2d403hiqnqcjj8wl9j0zk56alk5-hello-2.12.drv'

const OUT = '/nix/store/8lnyx2d403hiqnqcjj8wl9j0zk56alk5-hello-2.12'
const NAR_HASH = 'ab'.repeat(32)

const QUESTIONS = {
  [`nixsig1 before-build ${DRV}\n`]: { kind: 'before-build', derivation: DRV },
  [`nixsig1 after-build ${DRV}\n`]: { kind: 'after-build', derivation: DRV },
  [`nixsig1 built ${OUT} sha256:${NAR_HASH} ${DRV}\n`]: {
    kind: 'built',
    path: OUT,
    narHash: NAR_HASH,
    derivation: DRV,
  },
  [`nixsig1 admit ${OUT} sha256:${NAR_HASH} ${DRV} -\n`]: {
    kind: 'admit',
    path: OUT,
    narHash: NAR_HASH,
    deriver: DRV,
  },
  [`nixsig1 admit ${OUT} sha256:${NAR_HASH} - fixed:r:sha256:${'0'.repeat(52)}\n`]: {
    kind: 'admit',
    path: OUT,
    narHash: NAR_HASH,
    contentAddress: { method: 'recursive', algorithm: 'sha256', hash: '00'.repeat(32) },
  },
  [`nixsig1 admit ${OUT} sha256:${NAR_HASH} - - 120 /\n`]: {
    kind: 'admit',
    path: OUT,
    narHash: NAR_HASH,
    signed: { narSize: 120, root: '', signatures: [], hasOthers: false },
  },
  [`nixsig1 admit ${OUT} sha256:${NAR_HASH} ${DRV} - 0 /mnt a-1:AA b-1:BB others\n`]: {
    kind: 'admit',
    path: OUT,
    narHash: NAR_HASH,
    deriver: DRV,
    signed: { narSize: 0, root: '/mnt', signatures: ['a-1:AA', 'b-1:BB'], hasOthers: true },
  },
  [`nixsig1 admit ${OUT} sha256:${NAR_HASH} - - 9 - a-1:AA\n`]: {
    kind: 'admit',
    path: OUT,
    narHash: NAR_HASH,
    signed: { narSize: 9, root: undefined, signatures: ['a-1:AA'], hasOthers: false },
  },
  [`nixsig1 may-build ${DRV}\n`]: { kind: 'may-build', derivation: DRV },
  'nixsig1 reload\n': { kind: 'reload' },
} as const

test('questions are read as they are printed', () => {
  for (const [line, question] of Object.entries(QUESTIONS)) {
    assert.deepEqual(parseQuestion(Buffer.from(line)), question)
    assert.equal(printQuestion(question), line)
  }
})

test('a question has 16 KiB at most, newline included', () => {
  const padded = (length: number) => `nixsig1 ${'x'.repeat(length - 'nixsig1 \n'.length)}\n`
  assert.throws(() => parseQuestion(Buffer.from(padded(QUESTION_LIMIT))), /is of an unknown kind: "x{40}…"/)
  assert.throws(() => parseQuestion(Buffer.from(padded(QUESTION_LIMIT + 1))), /longer than 16384 bytes/)
  assert.throws(() => parseQuestion(Buffer.alloc(QUESTION_LIMIT, 'x')), /longer than 16384 bytes/)
})

const BAD_QUESTIONS: Readonly<Record<string, readonly [line: string, reason: RegExp]>> = {
  'nothing at all': ['', /does not end with a newline/],
  'an empty line': ['\n', /not of version nixsig1/],
  'another version': [`nixsig2 before-build ${DRV}\n`, /not of version nixsig1/],
  'a version that only begins alike': [`nixsig10 before-build ${DRV}\n`, /not of version nixsig1/],
  'an unknown question': [`nixsig1 allow ${DRV}\n`, /of an unknown kind: "allow"/],
  'a question in capitals': [`nixsig1 Before-Build ${DRV}\n`, /of an unknown kind/],
  'a question without a subject': ['nixsig1 before-build\n', /about one derivation/],
  'a question with an empty subject': ['nixsig1 before-build \n', /not in \/nix\/store/],
  'a question about two': [`nixsig1 before-build ${DRV} ${DRV}\n`, /about one derivation/],
  'a space at the end': [`nixsig1 before-build ${DRV} \n`, /about one derivation/],
  'two spaces': [`nixsig1  before-build ${DRV}\n`, /of an unknown kind: ""/],
  'a space in front': [` nixsig1 before-build ${DRV}\n`, /not of version nixsig1/],
  'a reload of something': [`nixsig1 reload ${DRV}\n`, /of an unknown kind: "reload"/],
  'another directory': ['nixsig1 before-build /etc/passwd.drv\n', /not in \/nix\/store/],
  'a path inside a store path': [
    `nixsig1 before-build ${DRV}/x.drv\n`,
    /more than a path directly in the store/,
  ],
  'dots that lead elsewhere': ['nixsig1 before-build /nix/store/../../etc/x.drv\n', /more than a path/],
  'a path that is not a derivation': [
    `nixsig1 after-build ${DRV.slice(0, -4)}\n`,
    /not that of a derivation/,
  ],
  'half a question': [`nixsig1 before-build ${DRV.slice(0, 30)}`, /does not end with a newline/],
  'a carriage return': [`nixsig1 before-build ${DRV}\r\n`, /not printable ASCII/],
  'a NUL': [`nixsig1 before-build ${DRV}\0\n`, /not printable ASCII/],
  'letters beyond ASCII': ['nixsig1 before-build /nix/store/é.drv\n', /not printable ASCII/],
  'an output without contents': [`nixsig1 built ${OUT}\n`, /names no NAR hash/],
  'an output built from a path that is not a derivation': [
    `nixsig1 built ${OUT} sha256:${NAR_HASH} ${OUT}\n`,
    /derivation/,
  ],
  'an output with too many words': [`nixsig1 built ${OUT} sha256:${NAR_HASH} ${DRV} -\n`, /too many words/],
  'an incoming path without contents': [`nixsig1 admit ${OUT}\n`, /names no NAR hash/],
  'a NAR hash in capitals': [`nixsig1 admit ${OUT} sha256:${'AB'.repeat(32)} - -\n`, /names no NAR hash/],
  'a deriver that is not a derivation': [
    `nixsig1 admit ${OUT} sha256:${NAR_HASH} ${OUT} -\n`,
    /not that of a derivation/,
  ],
  'a content address of an unknown form': [`nixsig1 admit ${OUT} sha256:${NAR_HASH} - x:y\n`, /unknown form/],
  'an incoming path without a deriver': [`nixsig1 admit ${OUT} sha256:${NAR_HASH}\n`, /not in \/nix\/store/],
  'an incoming path of no size': [`nixsig1 admit ${OUT} sha256:${NAR_HASH} - - -\n`, /names no size/],
  'an incoming path whose place is not named': [
    `nixsig1 admit ${OUT} sha256:${NAR_HASH} - - 1 mnt\n`,
    /names no root/,
  ],
  'an empty signature': [`nixsig1 admit ${OUT} sha256:${NAR_HASH} - - 1 /  a:AA\n`, /an empty word/],
  'a second question after it': [`nixsig1 before-build ${DRV}\nnixsig1 reload\n`, /is followed by more/],
  'a byte after it': [`nixsig1 before-build ${DRV}\nx`, /is followed by more/],
}

for (const [what, [line, reason]] of Object.entries(BAD_QUESTIONS)) {
  test(`attack: not a question: ${what}`, () => assert.throws(() => parseQuestion(Buffer.from(line)), reason))
}

test('attack: a derivation whose name would end the question is never sent', () => {
  for (const derivation of [`${DRV}\nnixsig1 reload`, `${DRV} x`, '', '/etc/x.drv', DRV.slice(0, -4)]) {
    assert.throws(() => printQuestion({ kind: 'before-build', derivation }), { name: 'FormatError' })
  }
})

const SILENT = { isByLine: false, versions: [] }
const REPLIES: Readonly<Record<string, HookReply>> = {
  'nixsig1 pass 0 0 6\nstatus': { outcome: 'pass', sentence: '', notice: '', telling: SILENT },
  'nixsig1 pass 0 10 6\na\nwarning!status': {
    outcome: 'pass',
    sentence: '',
    notice: 'a\nwarning!',
    telling: SILENT,
  },
  'nixsig1 refuse 2 5 19\nnolinesline 2.36.1 2.37pre': {
    outcome: 'refuse',
    sentence: 'no',
    notice: 'lines',
    telling: { isByLine: true, versions: ['2.36.1', '2.37pre'] },
  },
  'nixsig1 done 0 0 4\nline': {
    outcome: 'done',
    sentence: '',
    notice: '',
    telling: { isByLine: true, versions: [] },
  },
  'nixsig1 error 5 0 6\nwhat?status': { outcome: 'error', sentence: 'what?', notice: '', telling: SILENT },
}

test('replies are read as they are printed', () => {
  for (const [text, reply] of Object.entries(REPLIES)) {
    assert.deepEqual(parseReply(Buffer.from(text)), reply)
    assert.equal(printReply(reply).toString(), text)
  }
})

test('a reply is sent in ASCII, whatever its texts have', () => {
  const reply: HookReply = {
    outcome: 'refuse',
    sentence: 'näh — 🙅',
    notice: 'weil…\n\x1b[35m\u202e',
    telling: SILENT,
  }
  const read = parseReply(printReply(reply))
  assert.equal(read.sentence, 'n\\u{e4}h - \\u{1f645}')
  assert.equal(read.notice, 'weil...\n\\u{1b}[35m\\u{202e}')
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.string({ unit: 'binary' }),
      (text, notice) => {
        const sentence = text.replaceAll('\n', ' ')
        const bytes = printReply({ ...reply, sentence, notice })
        assert.match(bytes.toString('latin1'), /^[\n -~]*$/)
        assert.deepEqual(parseReply(bytes), inAscii({ ...reply, sentence, notice }))
      },
    ),
  )
})

const BAD_REPLIES: Readonly<Record<string, readonly [text: string | Uint8Array, reason: RegExp]>> = {
  'nothing at all': ['', /has no first line/],
  'the bare word': ['pass', /has no first line/],
  'the bare word in a line': ['pass\n', /does not begin as one of version nixsig1/],
  'a version and the word': ['nixsig1 pass\n', /does not begin/],
  'another version': ['nixsig2 pass 0 0 6\nstatus', /does not begin/],
  'an unknown outcome': ['nixsig1 allow 0 0 6\nstatus', /does not begin/],
  'an outcome in capitals': ['nixsig1 PASS 0 0 6\nstatus', /does not begin/],
  'a first line that never ends': ['nixsig1 pass 0 0 6'.padEnd(70000), /longer than 65536 bytes/],
  'a first line that is too long': [`nixsig1 pass 0 0 6${' '.repeat(100)}\nstatus`, /has no first line/],
  'a first line of another ending': ['nixsig1 pass 0 0 6\r\nstatus', /does not begin/],
  'a count too few': ['nixsig1 pass 0 6\nstatus', /does not begin/],
  'a count too many': ['nixsig1 pass 0 0 6 0\nstatus', /does not begin/],
  'a negative count': ['nixsig1 pass 0 -1 6\nstatus', /does not begin/],
  'a count with a zero in front': ['nixsig1 pass 0 00 6\nstatus', /does not begin/],
  'a count with a plus': ['nixsig1 pass 0 +0 6\nstatus', /does not begin/],
  'a count in hexadecimal': ['nixsig1 pass 0 0 0x6\nstatus', /does not begin/],
  'a count beyond every reply': ['nixsig1 pass 0 99999 6\nstatus', /breaks off \(text 2\)/],
  'a count of many digits': [`nixsig1 pass 0 ${'9'.repeat(30)} 6\nstatus`, /does not begin/],
  'a reply that is cut off in a text': ['nixsig1 refuse 2 0 6\nno', /breaks off \(text 3\)/],
  'a reply that is cut off before its texts': ['nixsig1 pass 0 0 6\n', /breaks off \(text 3\)/],
  'bytes after it': ['nixsig1 pass 0 0 6\nstatus\n', /is followed by more/],
  'a second reply after it': [`${'nixsig1 pass 0 0 6\nstatus'.repeat(2)}`, /is followed by more/],
  'a pass with a reason': ['nixsig1 pass 2 0 6\nnostatus', /gives a reason without a refusal/],
  'a refusal without a reason': ['nixsig1 refuse 0 2 6\nnostatus', /gives no reason/],
  'an error without a reason': ['nixsig1 error 0 0 6\nstatus', /gives no reason/],
  'a reason of two lines': ['nixsig1 refuse 3 0 6\na\nbstatus', /not text \(text 1\)/],
  'a reason that controls a terminal': ['nixsig1 refuse 5 0 6\n\x1b[35mstatus', /not text \(text 1\)/],
  'a notice that controls a terminal': ['nixsig1 pass 0 5 6\n\x1b[35mstatus', /not text \(text 2\)/],
  'a notice that reverses the line': ['nixsig1 pass 0 3 6\n\u202estatus', /not text \(text 2\)/],
  'a reason with a letter beyond ASCII': ['nixsig1 refuse 2 0 6\nästatus', /not text \(text 1\)/],
  'a notice with a dash beyond ASCII': ['nixsig1 pass 0 3 6\n—status', /not text \(text 2\)/],
  'bytes of no encoding': [Buffer.from('nixsig1 refuse 1 0 6\n\xffstatus', 'latin1'), /not text \(text 1\)/],
  'an unknown telling': ['nixsig1 pass 0 0 5\nshout', /has an unknown telling/],
  'no telling': ['nixsig1 pass 0 0 0\n', /has an unknown telling/],
  'versions without a line': ['nixsig1 pass 0 0 11\nstatus 2.36', /has an unknown telling/],
  'an invalid version': ['nixsig1 pass 0 0 8\nline 2.x', /has an invalid version/],
}

for (const [what, [text, reason]] of Object.entries(BAD_REPLIES)) {
  test(`attack: not a reply: ${what}`, () => {
    assert.throws(
      () => parseReply(Buffer.from(text)),
      (error: Error) => {
        assert.equal(error.name, 'FormatError')
        assert.match(error.message, reason)
        return true
      },
    )
  })
}

test('a reply that readers would refuse is not printed', () => {
  const reply: HookReply = { outcome: 'refuse', sentence: 'no', notice: '', telling: SILENT }
  const bad: Readonly<Record<string, Partial<HookReply>>> = {
    'not text': { sentence: 'a\nb' },
    'gives no reason': { sentence: '' },
    'gives a reason without a refusal': { outcome: 'pass' },
    'longer than 65536 bytes': { notice: 'x'.repeat(REPLY_LIMIT) },
    'has an invalid version': { telling: { isByLine: true, versions: ['2.36 2.37'] } },
  }
  for (const [reason, part] of Object.entries(bad)) {
    assert.throws(() => printReply({ ...reply, ...part }), new RegExp(reason))
  }
})

test('docs/resident.md shows a real reply', () => {
  const page = readFileSync(join(PROJECT_ROOT, 'docs/resident.md'), 'utf8')
  const [, example = ''] = /^```\n(nixsig1 refuse \d[^`]*)\n```$/m.exec(page) ?? []
  const { outcome, sentence, telling } = parseReply(Buffer.from(example))
  assert.equal(outcome, 'refuse')
  assert.equal(sentence, 'needs alice for its derivation, found no signature')
  assert.deepEqual(telling, { isByLine: true, versions: [] })
})
