// Replaces the view of a page and, if the program breaks, hands the page over to the browser's own forms and links.

/** Whether the program has stopped. From then on its handlers leave all events to the browser. */
let broken = false;
/** The address at which it stopped. */
let stoppedAt;
/** Shows the outcome of the last request if the program breaks before it is shown. */
let rescue;

// Not `reload`, which may restore typed input. The address omits the fragment, as `replace` would not load one that has it.
const address = () => location.pathname + location.search;
const loadAnew = () => location.replace(address());

export const isBroken = () => broken;

/** A form was sent or a page requested: once the response has arrived, a reload shows the outcome. */
export function asked(answer) {
  rescue = () => Promise.resolve(answer).then(loadAnew, loadAnew);
}

/** A form was refused in the browser and the refusal is not shown yet: the server would refuse it with the same text. */
export function refused(form) {
  rescue = () => (form.isConnected ? form.submit() : loadAnew());
}

/** The outcome of the last request is shown. */
export function settled() {
  rescue = undefined;
}

/** Stops the program permanently, and logs the cause to the console. */
export function fail(why, line) {
  if (broken) return;
  broken = true;
  stoppedAt = address();
  console.error(`The app has stopped; the page goes on with plain forms. ${why}${line ? `:${line}` : ''}`);
  rescue?.();
}

/** Whether an exception passed through the program, whose state may then be inconsistent. */
const isOurs = (error) => error instanceof WebAssembly.RuntimeError || /\/pkg\//.test(error?.stack);

function heard(event, error) {
  if (!isOurs(error)) return;
  event.preventDefault();
  fail(error.message);
}
addEventListener('error', (event) => heard(event, event.error));
addEventListener('unhandledrejection', (event) => heard(event, event.reason));
// Going back to an address that the program pushed changes the URL without a load. Jumps within the page need none.
addEventListener('popstate', () => broken && address() !== stoppedAt && loadAnew());

/** Moves an element with its focus and selection; `moveBefore`, where available, also keeps state such as autofill. */
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
      // Inputs of type `email` have no selection.
    }
  }
  place.remove();
}

/** Copies the attributes that a refusal changes. All others may have been set by extensions. */
function describe(field, like) {
  for (const name of ['type', 'aria-invalid', 'aria-describedby']) {
    const value = like.getAttribute(name);
    if (value === field.getAttribute(name)) continue;
    if (value === null) field.removeAttribute(name);
    else field.setAttribute(name, value);
  }
}

/** Replaces the content of `main` by that of `aside`; carries over elements that match `kept` and have a counterpart. */
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
  // Both views must be in the document: only there can a browser move an element with all its state.
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
  // Only the server's view contains the product's mark.
  const mark = all(old, '.mark')[0];
  if (mark) all(fresh, '.product')[0]?.prepend(mark);
  for (const node of old) node.remove();
  if (focused?.isConnected) focused.focus({ preventScroll: true });
}

/** Writes day and time of a moment: as the document says, else in the browser's own way, with Western digits as in e-mails. */
export function moment(ms, day, time) {
  const { lang, dataset } = document.documentElement;
  const own = navigator.language;
  const write = (locale, how) =>
    new Date(ms).toLocaleString(locale, { timeZone: dataset.zone, numberingSystem: 'latn', calendar: 'gregory', ...how });
  const inZone = (locale, how) => {
    try {
      return write(locale, how);
    } catch {
      // A zone that this browser does not know yet: its own.
      return write(locale, { timeZone: undefined, ...how });
    }
  };
  const clock = time && { timeStyle: 'short', hourCycle: dataset.clock ?? 'h23' };
  if (day && !dataset.dates) return inZone(own.startsWith(lang) ? own : lang, { dateStyle: 'long', ...clock });
  const date = day && inZone(dataset.dates, { year: 'numeric', month: '2-digit', day: '2-digit' });
  return [date, clock && inZone(lang, clock)].filter(Boolean).join(' ');
}
