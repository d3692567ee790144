/** The text of LICENSES.txt for what is bundled of these programs. */
export function licencesOf(root: string, entries: readonly string[]): Promise<string>
