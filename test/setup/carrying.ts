/** What setup would carry over from a nix.conf, without a machine. */
import assert from 'node:assert/strict'
import { DEFAULT_GATE } from '../../src/policy/language/gate.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { type Carried, carryOver, type Sources } from '../../src/setup/carry/carried.ts'
import { parseNixConf } from '../../src/setup/nix-conf.ts'
import { starterPolicy } from '../../src/setup/starter-policy.ts'

/** Carries over what this text says. It is UTF-8. */
export function carry(conf: string, more: Partial<Sources> = {}): Carried {
  const text = Buffer.from(conf, 'utf8').toString('latin1')
  return carryOver({
    settings: parseNixConf(text, '/etc/nix/nix.conf').filter(line => line.kind === 'setting'),
    environment: {},
    ownKeys: new Set(),
    userKeys: [],
    listen: DEFAULT_GATE.listen,
    usualNetrc: '/etc/nix/netrc',
    files: { isThere: file => file.startsWith('/there/'), problem: () => undefined },
    ...more,
  })
}

/** The text of the first policy for it. */
export function textFor(carried: Carried): string {
  return starterPolicy(carried, '/etc/nixsig/attestations')
}

/** A policy's text, read. */
export function policyOf(toml: string): Policy {
  return parsePolicy({
    toml,
    file: 'policy.toml',
    directory: '/etc/nixsig',
    certificate: () => assert.fail(),
  })
}
