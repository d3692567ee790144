/** What the parts of policies that the documentation shows are put into, so that they are policies. */
const PARTS = [
  '[principals.bob]\nkeys = ["bob-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw="]\n',
  '[attestations]\ndirectories = ["/etc/nixsig/attestations"]\n',
  '[default]\nrequire = { source = "bob", derivation = "nothing", output = "self" }\n',
]

/** A whole policy: the example with what it lacks, if it is not one already. */
export function completePolicy(example: string): string {
  if (example.startsWith('version = ')) return example
  const missing = PARTS.filter(part => !example.includes(part.slice(0, part.indexOf('\n'))))
  return `version = 1\nmode = "enforce"\n\n${missing.join('')}${example}`
}
