/**
 * How refusals end: in a step that whoever reads them can take. Most readers are plain users, so
 * what only root can do says so. As in nix/plugin/next-step.h.
 */
export const BY_ROOT = 'as root, or by asking who has root here'

/** How a step that takes root's rights begins for a reader who has none. */
export const BY_ADMINISTRATOR = 'ask an administrator to'

/** Where the address is taken at which the gate shall listen. */
export const ADDRESS_TAKEN =
  'ss -ltnp names, to root, the program that has it: end it, or choose another address in listen of [gate] in the policy'

/** Where nothing is known but that judging failed. */
export const TRY_AGAIN = `next: try again, then, ${BY_ROOT}: nixsig doctor`

/**
 * A message that ends in a next step: its own if it names one, as "next: …" or by naming this
 * very step; else this one. A message of several lines gets a line more.
 */
export function withNextStep(text: string, step: string): string {
  if (/\bnext: /.test(text) || text.includes(step)) return text
  return text.includes('\n') ? `${text}\nnext: ${step}` : `${text}; next: ${step}`
}
