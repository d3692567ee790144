/** Writes the manual pages of all commands into a directory: run by tools/build.mjs. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import project from '../package.json' with { type: 'json' }
import { documentedCommands, manualPages } from '../src/cli/reference.ts'

const [directory = ''] = process.argv.slice(2)
mkdirSync(directory, { recursive: true })
void documentedCommands().then(commands => {
  for (const [name, page] of manualPages(project.version, commands))
    writeFileSync(join(directory, name), page)
})
