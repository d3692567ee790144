/** Pages of audits, written to a file and looked at in a browser without a screen. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Audit } from '../../src/audit/audit.ts'
import { htmlReport, type PageAssets } from '../../src/report/html.ts'
import { bundlePage } from '../../tools/page.mjs'

/** The page's script and style, as the checkout has them now. */
export async function pageAssets(): Promise<PageAssets> {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-page-'))
  try {
    await bundlePage(PROJECT_ROOT, directory)
    const read = (name: string) => readFileSync(join(directory, name), 'utf8')
    return { script: read('page.js'), style: read('page.css') }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

export interface Look {
  readonly colours?: 'light' | 'dark'
  readonly width?: number
  readonly height?: number
  /** With `#`. */
  readonly fragment?: string
  readonly scripts?: boolean
}

export interface Seen {
  readonly page: Page
  /** What the page asked for, itself among it. */
  readonly requests: readonly string[]
  /** What the browser complained about: violations of the page's policy, and errors. */
  readonly complaints: readonly string[]
}

/** A browser, and what its pages lie in. */
export class Reader {
  readonly browser: Browser
  readonly #directory = mkdtempSync(join(tmpdir(), 'nixsig-page-'))
  #serial = 0

  private constructor(browser: Browser) {
    this.browser = browser
  }

  static async start(args: readonly string[] = []): Promise<Reader> {
    // Chromium has no sandbox for root.
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    const executablePath = '/usr/bin/chromium'
    return new Reader(await chromium.launch({ executablePath, args: [...sandbox, ...args] }))
  }

  /** Writes the page of an audit; its address. */
  write(audit: Audit, assets: PageAssets): string {
    return this.keep(htmlReport(audit, assets))
  }

  /** Keeps a page as a file; its address. */
  keep(html: string): string {
    const file = join(this.#directory, `${this.#serial++}.html`)
    writeFileSync(file, html)
    return pathToFileURL(file).href
  }

  /** Opens an address and waits until the page is drawn. */
  async open(address: string, look: Look = {}): Promise<Seen> {
    const { colours = 'light', width = 1600, height = 1000, fragment = '', scripts = true } = look
    const options: BrowserContextOptions = {
      viewport: { width, height },
      colorScheme: colours,
      javaScriptEnabled: scripts,
    }
    const page = await (await this.browser.newContext(options)).newPage()
    const requests: string[] = []
    const complaints: string[] = []
    page.on('request', request => requests.push(request.url()))
    page.on('console', message => complaints.push(message.text()))
    page.on('pageerror', error => complaints.push(error.message))
    await page.goto(address + fragment)
    if (scripts) {
      await drawn(page).catch(error => {
        throw new Error(`${address} was not drawn: ${complaints.join('\n')}`, { cause: error })
      })
    }
    return { page, requests, complaints }
  }

  /** A page on which nothing is yet. */
  async blank(): Promise<Page> {
    return (await this.browser.newContext({ viewport: { width: 1600, height: 1000 } })).newPage()
  }

  async end(): Promise<void> {
    await this.browser.close()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** Waits until the page is there, and has drawn twice. */
export async function drawn(page: Page): Promise<void> {
  await page.waitForSelector('html[data-ready]', { state: 'attached' })
  await page.evaluate('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))')
}

/** Goes to another fragment on the same page. */
export async function goTo(page: Page, fragment: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(fragment)}`)
  await drawn(page)
}

/** The last part of a store path, by which the page's address names it. */
export const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
