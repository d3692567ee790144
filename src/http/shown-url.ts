import { printable } from '../primitives/printable.ts'

/**
 * A URL for a message, without user name, password, query and fragment, since those may hold
 * secrets. Escaped for a terminal. Text that is not a URL is returned escaped.
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
