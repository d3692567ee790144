// Attestation files that are broken, misplaced or writable by others: nothing in them counts, even
// if it is true.

import { damaged, testAttacks } from '../support/attack.ts'
import { ATTESTATIONS, packaged, publish } from '../support/trust.ts'

testAttacks({
  'a malformed line beside a true one': {
    act: damaged(file => `echo '{"payload":1}' >> ${file}`),
    reason: /undecided.*intoto\.jsonl:2: .*envelope/,
  },
  'a last line that breaks off': {
    act: damaged(file => `printf '{"payload":' >> ${file}`),
    reason: /undecided.*intoto\.jsonl: .*the last line breaks off/,
  },
  'a line feed cut off the end': {
    act: damaged(file => `truncate -s -1 ${file}`),
    reason: /undecided.*the last line breaks off/,
  },
  'an empty line': {
    act: damaged(file => `echo >> ${file}`),
    reason: /undecided.*empty line/,
  },
  'bytes that are no text': {
    act: damaged(file => `printf '\\377\\n' >> ${file}`),
    reason: /undecided.*UTF-8/,
  },
  'terminal escapes in what names a signer': {
    act: ({ world, scene, mallory, contents }) => {
      const envelope = JSON.parse(packaged(mallory, contents))
      envelope.signatures[0].keyid = '\u001b[2Jalice\ntrusted'
      publish(world, scene.drv, JSON.stringify(envelope))
    },
    reason: /not in the trusted list \(\\[^\u001b\n]*\[2Jalice\\[^\u001b\n]*trusted/,
  },
  'a directory of attestations that is not there': {
    act: damaged(() => `mv ${ATTESTATIONS} /srv/away`),
    reason: /undecided.*\/etc\/nixsig\/attestations does not exist/,
  },
  'a directory of attestations that everybody may write to': {
    act: damaged(() => `chmod o+w ${ATTESTATIONS}`),
    reason: /undecided.*\/etc\/nixsig\/attestations is writable by everybody/,
  },
  'a sticky directory of attestations that everybody may write to': {
    act: damaged(() => `chmod 1777 ${ATTESTATIONS}`),
    reason: /undecided.*\/etc\/nixsig\/attestations is writable by everybody/,
  },
  'a file of attestations that everybody may write to': {
    act: damaged(file => `chmod o+w ${file}`),
    reason: /undecided.*intoto\.jsonl is writable by everybody/,
  },
  'a pipe in place of the attestations': {
    act: damaged(file => `rm ${file} && mkfifo ${file}`),
    reason: /undecided.*intoto\.jsonl is not a regular file/,
  },
  'a directory in place of the attestations': {
    act: damaged(file => `rm ${file} && mkdir ${file}`),
    reason: /undecided.*intoto\.jsonl is not a regular file/,
  },
  'a symbolic link in place of the attestations': {
    act: damaged(file => `mv ${file} /srv/true && ln -s /srv/true ${file}`),
    reason: /undecided.*intoto\.jsonl: .*symbolic link/,
  },
})
