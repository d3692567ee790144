// As which version of Nix the program on this machine fetches.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { minorOf } from '../../src/expressions/nix-minor.ts'

const SAID: Readonly<Record<string, number | undefined>> = {
  'nix (Nix) 2.8.0\n': 8,
  'nix (Nix) 2.26.3': 26,
  'nix (Nix) 2.31.0pre20250712_b1245123': 31,
  'nix (Determinate Nix 3.2.1) 2.28.2': 28,
  'nix-instantiate (Nix) 2.20': 20,
  'nix (Lix, like Nix) 2.91.1': 18,
  'nix (Nix) 3.0.0': undefined,
  '': undefined,
}

for (const [text, minor] of Object.entries(SAID)) {
  it(`${JSON.stringify(text)}: ${minor}`, () => assert.equal(minorOf(text), minor))
}
