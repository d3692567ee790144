import {
  type Listing,
  type PublicationIndex,
  parseIndex,
  parsePart,
  printIndex,
  printPart,
} from '../../src/formats/publication.ts'
import { DIGEST, NAR_HASH, NOW } from '../seeds.ts'
import { formatTarget, type Target } from '../target.ts'

const PART = DIGEST.slice(0, 2)
const LISTED = { size: 1200, sha256: NAR_HASH }
const FILES = new Map(
  ['.asc', '.intoto.jsonl', '.sums.minisig'].map(extension => [DIGEST + extension, LISTED]),
)

const TOKENS: readonly string[] = [
  ...[
    'nixsig-publication-1 ',
    'nixsig-publication-part-1 ',
    '2026-11-23T04:31:25Z',
    '\n',
    ' ',
    '0',
    '16777216',
  ],
  ...['../', '/', 'index', '.intoto.jsonl', '.narinfo', '.sums', '.sigstore.json', DIGEST, PART, NAR_HASH],
]

/** The lists of a publication, by which a server says what it has. */
export const PUBLICATION: readonly Target[] = [
  formatTarget<PublicationIndex>({
    name: 'publication index',
    seeds: [printIndex({ published: NOW, parts: new Map([[PART, LISTED]]) })],
    tokens: TOKENS,
    read: parseIndex,
    print: printIndex,
    oneSpelling: () => true,
  }),
  formatTarget<Listing>({
    name: 'publication part',
    seeds: [printPart(PART, FILES), printPart(PART, new Map())],
    tokens: TOKENS,
    read: input => parsePart(input, PART),
    print: listing => printPart(PART, listing),
    oneSpelling: () => true,
  }),
]
