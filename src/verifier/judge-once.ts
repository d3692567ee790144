import type { Refusal } from '../policy/verdict.ts'
import type { Inquiry } from './inquiry.ts'

/**
 * Answers each question about a path once per inquiry: a build graph has many ways to the same
 * input.
 */
export async function once(
  inquiry: Inquiry,
  asked: string,
  admit: () => Promise<Refusal | undefined>,
): Promise<Refusal | undefined> {
  if (!inquiry.answers.has(asked)) inquiry.answers.set(asked, await admit())
  return inquiry.answers.get(asked)
}
