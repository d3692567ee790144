/** Dark or light: as the system says, until somebody chooses. */
import { el } from './dom.ts'

/** A button that turns dark to light and back; `changed` is called afterwards. */
export function lookSwitch(changed: () => void): HTMLButtonElement {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const root = document.documentElement
  const isDark = () => (root.dataset['look'] ?? (system.matches ? 'dark' : 'light')) === 'dark'
  const button = el('button', { class: 'look', attributes: { type: 'button' } })
  const name = () => {
    button.textContent = isDark() ? 'Light' : 'Dark'
    button.setAttribute('aria-label', isDark() ? 'Use light colours' : 'Use dark colours')
  }
  button.addEventListener('click', () => {
    root.dataset['look'] = isDark() ? 'light' : 'dark'
    name()
    changed()
  })
  system.addEventListener('change', () => {
    name()
    changed()
  })
  name()
  return button
}
