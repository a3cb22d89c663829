// Executes the cookie `meddle`: a list of `what` or `what@when`, separated by dots. `when` is `start`: as
// soon as the elements exist; `end`: at the end of the document; `after`: when the app has hydrated the page.
const orders = (/(?:^|; )meddle=([^;]*)/.exec(document.cookie)?.[1] ?? '').split('.').filter(Boolean);

/** Where a password manager or a toolbar inserts its element. */
const POSITIONS = {
  p1: (field) => field.before(own()),
  p2: (field) => field.after(own()),
  p3: (field) => field.closest('.entry')?.before(own()),
  p4: (field) => field.closest('.entry')?.after(own()),
  p5: (field) => field.closest('.field')?.prepend(own()),
  p6: (field) => field.closest('.field')?.before(own()),
  p7: (field) => field.form?.prepend(own()),
  p8: (field) => field.form?.append(own()),
  p9: (field) => field.form?.before(own()),
  p10: (field) => field.closest('.page')?.prepend(own()),
  p11: (field) => field.closest('main')?.prepend(own()),
  p12: () => document.body.append(own()),
};

const WHOLE = {
  /** Removes comments, as proxies do that compress pages. */
  comments(root) {
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_COMMENT);
    const found = [];
    while (walk.nextNode()) found.push(walk.currentNode);
    for (const comment of found) comment.remove();
  },
  /** Hides e-mail addresses in texts, as some proxies do; the decoding script never runs. */
  addresses(root) {
    for (const text of texts(root)) {
      const address = /[\w.+-]+@[\w.-]+\w/.exec(text.data);
      if (!address) continue;
      const link = document.createElement('a');
      link.href = '/cdn-cgi/l/email-protection';
      link.className = '__cf_email__';
      link.textContent = '[email\u00a0protected]';
      text.splitText(address.index).splitText(address[0].length);
      text.nextSibling.replaceWith(link);
    }
  },
  /** Wraps every text in the translator's element, which replaces the text node. */
  fonts(root) {
    for (const text of texts(root)) {
      if (text.parentElement?.closest('font')) continue;
      const [outer, inner] = [document.createElement('font'), document.createElement('font')];
      inner.textContent = text.data;
      outer.append(inner);
      text.replaceWith(outer);
    }
  },
};

function texts(root) {
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (text) =>
    text.data.trim() && !text.parentElement?.closest('script,style') ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT,
  );
  const found = [];
  while (walk.nextNode()) found.push(walk.currentNode);
  return found;
}

function own() {
  const element = document.createElement('div');
  element.className = 'meddler';
  return element;
}

const seen = new WeakMap();
function meddle(when) {
  for (const order of orders) {
    const [what, at = 'start'] = order.split('@');
    if (at !== when) continue;
    if (WHOLE[what]) WHOLE[what](document.body);
    for (const field of document.querySelectorAll('main input[id]')) {
      const of = seen.get(field) ?? new Map();
      seen.set(field, of);
      // Once per position: a field that was moved to another parent is handled again.
      if (!POSITIONS[what] || of.get(what) === field.parentElement) continue;
      of.set(what, field.parentElement);
      POSITIONS[what](field);
    }
  }
}

let after = false;
function look() {
  if (!document.body) return;
  observer.disconnect();
  after ||= performance.getEntriesByName('app-started').length > 0;
  meddle('start');
  if (document.readyState !== 'loading') meddle('end');
  if (after) meddle('after');
  document.documentElement.dataset.meddled = orders.join('.');
  observer.observe(document, { childList: true, subtree: true, characterData: true });
}
const observer = new MutationObserver(look);
if (orders.length > 0) {
  observer.observe(document, { childList: true, subtree: true });
  globalThis.meddleAtEnd = look;
  const wait = setInterval(() => {
    look();
    if (after) clearInterval(wait);
  }, 50);
}
