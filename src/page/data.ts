/** Takes the audit out of the page. */
import type { PageData } from '../report/page-shape.ts'

/** Throws when the page was cut short. */
export async function readData(): Promise<PageData> {
  const packed = document.getElementById('audit')?.textContent ?? ''
  const bytes = Uint8Array.from(atob(packed), character => character.charCodeAt(0))
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
  return (await new Response(stream).json()) as PageData
}
