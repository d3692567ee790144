import { dirname } from 'node:path'
import { readNamedFile } from '../files/named-file.ts'
import { readProtectedFile } from '../files/owned-file.ts'
import { decodeUtf8 } from '../formats/json/strict.ts'
import { parsePolicy } from '../policy/language/parse.ts'
import type { Policy } from '../policy/policy.ts'

const POLICY_LIMIT = 1024 * 1024
const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/**
 * Reads a policy and writes nothing. `protectedOnly`: from files alone that nobody else can change,
 * as the hooks read it; a draft may lie anywhere. `file` is absolute. Throws PolicyError,
 * FormatError and FileError.
 */
export function readPolicy(file: string, protectedOnly: boolean): Policy {
  const read = (path: string, limit: number) =>
    protectedOnly ? readProtectedFile(path, limit) : readNamedFile(path, limit).bytes
  return parsePolicy({
    toml: decodeUtf8(read(file, POLICY_LIMIT), 'policy'),
    file,
    directory: dirname(file),
    certificate: path => read(path, CERTIFICATE_LIMIT),
  })
}
