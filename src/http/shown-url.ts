import { printable } from '../primitives/printable.ts'

/**
 * A URL for a message: without the name and password in it, and without its query and fragment,
 * which is where tokens are. Fit for a terminal. Text that is no URL comes back escaped.
 */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) return printable(text)
  const url = new URL(text)
  if (url.username === '' && url.password === '' && url.search === '' && url.hash === '') {
    return printable(text)
  }
  const query = url.search === '' ? '' : '?…'
  Object.assign(url, { username: '', password: '', search: '', hash: '' })
  return printable(url.href) + query
}
