/**
 * The page of an audit of 10,000 paths in a browser without a screen: how large it is, how soon
 * something is seen, how long frames take while somebody looks around, and how much memory it has.
 * BENCH_PATHS sets how many paths, BENCH_RUNS how often the page is opened.
 */
import type { Page } from 'playwright-core'
import { htmlReport } from '../src/report/html.ts'
import { baseOf, drawn, goTo, pageAssets, Reader } from '../test/page/reader.ts'
import { randomAudit } from '../test/support/audits/random.ts'
import { median, quantile, spread } from './statistics.ts'

const PATHS = Number(process.env['BENCH_PATHS'] ?? 10_000)
const RUNS = Number(process.env['BENCH_RUNS'] ?? 7)

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`

/** Begins to note how long frames take from now on. */
const WATCH = `(() => {
  window.frames_ = []
  let last = performance.now()
  const next = now => { window.frames_.push(now - last); last = now; window.watch_ = requestAnimationFrame(next) }
  window.watch_ = requestAnimationFrame(next)
})()`
const TAKE = '(() => { cancelAnimationFrame(window.watch_); return window.frames_ })()'

/** What one kind of looking around took. */
interface Taken {
  /** Milliseconds from one frame to the next. */
  readonly frames: number[]
  /** Milliseconds of the processor that the page's own thread had, a step. */
  readonly steps: number[]
}

/** The milliseconds of the processor that the page's own thread had so far. */
type Clock = () => Promise<number>

async function clockOf(page: Page): Promise<Clock> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN)
  }
}

async function take(page: Page, act: Act, clock: Clock, taken: Taken): Promise<void> {
  await page.evaluate(WATCH)
  const began = await clock()
  const steps = await act(page)
  taken.steps.push(((await clock()) - began) / steps)
  taken.frames.push(...((await page.evaluate(TAKE)) as number[]))
}

async function firstPaint(page: Page): Promise<number> {
  const [entry] = (await page.evaluate(
    `performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)`,
  )) as number[]
  return entry ?? Number.NaN
}

/** When the map stood there, in milliseconds after the page was asked for. */
const mapDrawn = (page: Page) =>
  page.evaluate(`performance.getEntriesByName('map-drawn')[0]?.startTime`) as Promise<number>

/** Does something, and says in how many steps. */
type Act = (page: Page) => Promise<number>

const ACTS: Readonly<Record<string, Act>> = {
  'the pointer goes over the map': async page => {
    const box = await page.locator('.map').boundingBox()
    if (box === null) throw new Error('no map')
    for (let step = 0; step < 60; step++)
      await page.mouse.move(box.x + (box.width * step) / 60, box.y + (box.height * ((step * 7) % 60)) / 60)
    return 60
  },
  'arrow keys go over the map': async page => {
    await page.locator('.map').focus()
    for (let step = 0; step < 40; step++) await page.keyboard.press(step % 2 ? 'ArrowRight' : 'ArrowDown')
    return 40
  },
  'somebody types a search': async page => {
    await page.locator('#search').focus()
    for (const letter of 'glibc builder') await page.keyboard.press(letter === ' ' ? 'Space' : letter)
    await page.locator('#search').fill('')
    return 14
  },
  'filters and groupings change': async page => {
    await page.locator('[data-key="show refused"]').click()
    await page.locator('#grouping').selectOption('signer')
    await page.locator('#area').selectOption('number')
    await page.locator('#grouping').selectOption('standing')
    await page.locator('#area').selectOption('size')
    await page.locator('[data-key="show refused"]').click()
    return 6
  },
  'views change': async page => {
    for (const view of ['table', 'people', 'refused', 'ends', 'disk', 'map'])
      await page.locator(`[data-key="view ${view}"]`).click()
    return 6
  },
}

const audit = randomAudit(1, { paths: PATHS })
const [reader, assets] = await Promise.all([Reader.start(), pageAssets()])
try {
  const began = performance.now()
  const html = htmlReport(audit, assets)
  console.log(
    `page of ${PATHS} paths: written in ${(performance.now() - began).toFixed(0)} ms, ${kilobytes(html.length)}; ` +
      `script ${kilobytes(assets.script.length)}, style ${kilobytes(assets.style.length)}`,
  )
  const address = reader.write(audit, assets)
  const paints: number[] = []
  const maps: number[] = []
  const works: number[] = []
  const all = new Map<string, Taken>()
  for (let run = 0; run < RUNS; run++) {
    const page = await reader.blank()
    const clock = await clockOf(page)
    await page.goto(address)
    await drawn(page)
    works.push(await clock())
    paints.push(await firstPaint(page))
    maps.push(await mapDrawn(page))
    for (const [name, act] of Object.entries({ ...ACTS, 'paths are opened': openPaths })) {
      const taken = all.get(name) ?? { frames: [], steps: [] }
      all.set(name, taken)
      await take(page, act, clock, taken)
    }
    if (run === RUNS - 1) await sayMemory(page)
    await page.context().close()
  }
  console.log(`first paint: ${spread(paints, ' ms')}`)
  console.log(`map drawn: ${spread(maps, ' ms')}, with ${spread(works, ' ms')} of the processor`)
  for (const [name, { frames, steps }] of all) {
    const [half, most, longest] = [median(frames), quantile(frames, 0.95), Math.max(...frames)]
    console.log(
      `while ${name}: ${spread(steps, ' ms')} of the processor a step; frames: median ${half.toFixed(1)} ms, ` +
        `95 % below ${most.toFixed(1)} ms, longest ${longest.toFixed(1)} ms (${frames.length})`,
    )
  }
} finally {
  await reader.end()
}

async function openPaths(page: Page): Promise<number> {
  for (const path of audit.paths.slice(100, 110)) await goTo(page, `#path=${baseOf(path.path)}`)
  await drawn(page)
  return 10
}

async function sayMemory(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  console.log(`memory of scripts after it all: ${(usedSize / 1_000_000).toFixed(1)} MB`)
}
