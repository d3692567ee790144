/** Elements, made without markup: what is said is text, never HTML. */

type Child = Node | string | undefined

export interface Props {
  readonly class?: string
  /** Attributes as they are written; `style`, and what runs, are left to scripts. */
  readonly attributes?: Readonly<
    Partial<Record<`aria-${string}` | `data-${string}` | Plain, string | undefined>>
  >
  readonly onClick?: (event: MouseEvent) => void
}

type Plain =
  | 'id'
  | 'role'
  | 'type'
  | 'href'
  | 'title'
  | 'tabindex'
  | 'for'
  | 'scope'
  | 'lang'
  | 'placeholder'
  | 'autocomplete'
  | 'spellcheck'
  | 'value'
  | 'datetime'

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  if (props.class !== undefined) element.className = props.class
  for (const [name, value] of Object.entries(props.attributes ?? {})) {
    if (value !== undefined) element.setAttribute(name, value)
  }
  if (props.onClick !== undefined) element.addEventListener('click', props.onClick as EventListener)
  element.append(...children.filter(child => child !== undefined))
  return element
}

/** A button; `key` names it, so that it has the focus again when it was drawn anew. */
export function button(key: string, props: Props, ...children: readonly Child[]): HTMLButtonElement {
  return el(
    'button',
    { ...props, attributes: { ...props.attributes, type: 'button', 'data-key': key } },
    ...children,
  )
}

/** Does something at most once a frame, however often it is asked for. */
export function onceAFrame(draw: () => void): () => void {
  let isWaiting = false
  return () => {
    if (isWaiting) return
    isWaiting = true
    requestAnimationFrame(() => {
      isWaiting = false
      draw()
    })
  }
}

/** Puts other children into an element; who had the focus by its key has it again. */
export function redraw(element: HTMLElement, ...children: readonly Child[]): void {
  const active = document.activeElement
  const key = active instanceof HTMLElement && element.contains(active) ? active.dataset['key'] : undefined
  element.replaceChildren(...children.filter(child => child !== undefined))
  if (key === undefined) return
  const all = [...element.querySelectorAll<HTMLElement>('[data-key]')]
  all.find(found => found.dataset['key'] === key)?.focus()
}
