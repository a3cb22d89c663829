// Keeps a page usable whatever happens to it: puts a new view in the place of the old one, and leaves the page to the browser's own
// forms and links once the program is broken.

/** Whether the program has stopped. From then on none of its handlers keeps the browser from its own way. */
let broken = false;
/** The address that it stopped at. */
let stoppedAt;
/** What shows the person the outcome of what was asked for last, should the program break before it is shown. */
let rescue;

// Not `reload`: that may send what was typed back into the fields, and an address with a `#` would not be loaded anew.
const address = () => location.pathname + location.search;
const loadAnew = () => location.replace(address());

export const isBroken = () => broken;

/** A form was sent, or a page asked for: when the answer is there, the server knows what to show. */
export function asked(answer) {
  rescue = () => Promise.resolve(answer).then(loadAnew, loadAnew);
}

/** A form was refused here, and the refusal is not shown yet: the server would say the same. */
export function refused(form) {
  rescue = () => (form.isConnected ? form.submit() : loadAnew());
}

/** The outcome is shown. */
export function settled() {
  rescue = undefined;
}

/** Stops the program for good, and says so in one line for those who look for the cause. */
export function fail(why, line) {
  if (broken) return;
  broken = true;
  stoppedAt = address();
  console.error(`The app has stopped; the page goes on with plain forms. ${why}${line ? `:${line}` : ''}`);
  rescue?.();
}

/** Whether an exception came through the program, which is in no order then. */
const isOurs = (error) => error instanceof WebAssembly.RuntimeError || /\/pkg\//.test(error?.stack);

function heard(event, error) {
  if (!isOurs(error)) return;
  event.preventDefault();
  fail(error.message);
}
addEventListener('error', (event) => heard(event, event.error));
addEventListener('unhandledrejection', (event) => heard(event, event.reason));
// The browser has gone to another address without a load, as the program had told it to; not to a place in this page.
addEventListener('popstate', () => broken && address() !== stoppedAt && loadAnew());

/** Moves an element with its focus, its selection and what the browser knows of it, as far as the browser can. */
function replace(place, element) {
  try {
    place.parentNode.moveBefore(element, place);
  } catch {
    const { selectionStart, selectionEnd, selectionDirection } = element;
    const hadFocus = document.activeElement === element;
    place.before(element);
    if (hadFocus) element.focus({ preventScroll: true });
    try {
      element.setSelectionRange(selectionStart, selectionEnd, selectionDirection);
    } catch {
      // Fields for addresses have none.
    }
  }
  place.remove();
}

/** What a refusal changes about a field. All other attributes may be somebody else's. */
function describe(field, like) {
  for (const name of ['type', 'aria-invalid', 'aria-describedby']) {
    const value = like.getAttribute(name);
    if (value === field.getAttribute(name)) continue;
    if (value === null) field.removeAttribute(name);
    else field.setAttribute(name, value);
  }
}

/** Shows what is in `aside` as the content of `main`. What `kept` selects stays the element that it was, where the new content has its like. */
export function put(aside, kept) {
  const main = document.getElementById('main');
  const old = [...main.childNodes];
  const fresh = [...aside.childNodes];
  const all = (roots, selector) => roots.flatMap((root) => [...(root.querySelectorAll?.(selector) ?? [])]);
  const twin = (element) => {
    if (element.id) return all(fresh, `#${CSS.escape(element.id)}`)[0];
    const alike = (roots) => all(roots, element.localName).filter((other) => other.className === element.className);
    return alike(fresh)[alike(old).indexOf(element)];
  };
  const active = document.activeElement;
  const focused = kept && active !== main && main.contains(active) && twin(active);
  // Beside each other in the document: only there can a browser move an element with all its state.
  main.append(...fresh);
  if (kept) {
    for (const details of all(old, 'details[open]')) {
      const like = twin(details);
      if (like) like.open = true;
    }
    for (const element of all(old, kept)) {
      const place = twin(element);
      if (!place || place.name !== element.name) continue;
      describe(element, place);
      replace(place, element);
    }
  }
  for (const node of old) node.remove();
  if (focused?.isConnected) focused.focus({ preventScroll: true });
}
