// Elements of index.html by their id, with their type checked once, when the page starts.

export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no ${type.name} with id ${id}`);
  return element;
}

/** Shows `text`, or hides the element where there is none. */
export function showText(element: HTMLElement, text: string): void {
  element.textContent = text;
  element.hidden = text === '';
}

/** A button that keeps the focus while it cannot be pressed, which `disabled` would take away. */
export function setEnabled(button: HTMLButtonElement, enabled: boolean): void {
  button.setAttribute('aria-disabled', String(!enabled));
}

export function isEnabled(button: HTMLButtonElement): boolean {
  return button.getAttribute('aria-disabled') !== 'true';
}
