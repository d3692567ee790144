/** The page of an audit, with the script and the style that lie beside this program. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Audit } from '../audit/audit.ts'
import { htmlReport } from '../report/html.ts'
import { ownDirectory } from './own-directory.ts'

/** The text of the page. Throws the system's error if nixsig was installed without page/. */
export function auditPage(audit: Audit): string {
  const read = (name: string) => readFileSync(join(ownDirectory(), 'page', name), 'utf8')
  return htmlReport(audit, { script: read('page.js'), style: read('page.css') })
}
