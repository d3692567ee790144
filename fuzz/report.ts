import type { Campaign, Failure } from './campaign.ts'

/**
 * The most characters of an input that is printed in full; a longer one can be regenerated from the
 * seed.
 */
const TOLD_LIMIT = 4096

/**
 * The result of a target: its cases, the inputs that reached something new, and each failure with
 * how to reproduce it.
 */
export function report({ target, failures, count }: Campaign, seed: number): string {
  const { cases, kept } = count()
  const line = `${target.name.padEnd(30)}${String(cases).padStart(9)} cases, ${kept} kept`
  return [line, ...failures.map(failure => failureText(target.name, failure, seed))].join('\n')
}

function failureText(name: string, { number, message, input }: Failure, seed: number): string {
  const text = Buffer.from(input).toString('base64')
  const again = text.length > TOLD_LIMIT ? `--seed ${seed} --cases ${number}` : `--input '${text}'`
  return `FAILED ${name}, case ${number}, ${input.length} bytes: ${message}
  again: npm run fuzz -- --only '${name}' ${again}`
}
