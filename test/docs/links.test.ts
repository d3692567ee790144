// Every link from a page to another file of the checkout leads there, to the heading that it names;
// and every path that a page writes as code is one.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import glob from 'fast-glob'

const PAGES = glob.sync(['*.md', 'docs/**/*.md'], { cwd: PROJECT_ROOT })
const textOf = (page: string) => readFileSync(join(PROJECT_ROOT, page), 'utf8')

/** The anchors of a page's headings, as forges make them of their text. */
function anchorsOf(page: string): ReadonlySet<string> {
  const prose = textOf(page).replace(/^```.*?^```/gms, '')
  const headings = [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading)
  return new Set(
    headings.map(heading =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

function isBroken(page: string, link: string): boolean {
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? page : relative(PROJECT_ROOT, join(PROJECT_ROOT, dirname(page), file))
  if (!existsSync(join(PROJECT_ROOT, target))) return true
  return anchor !== undefined && !anchorsOf(target).has(anchor)
}

for (const page of PAGES) {
  test(`${page}: its links lead somewhere`, () => {
    const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
    const inside = links.filter(link => !/^[a-z]+:/.test(link))
    assert.deepEqual(
      inside.filter(link => isBroken(page, link)),
      [],
    )
  })

  test(`${page}: the files of this project that it names are there`, () => {
    const named = [...textOf(page).matchAll(/`((?:src|hooks|test|nix|fuzz|bench|tools)\/[\w./-]+)`/g)]
    const files = named.map(([, file = '']) => file)
    assert.deepEqual(
      files.filter(file => !existsSync(join(PROJECT_ROOT, file))),
      [],
    )
  })
}
