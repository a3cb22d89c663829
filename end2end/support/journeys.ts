// The ways through the pages that more than one spec takes.
import { expect, type Locator, type Page } from '@playwright/test';
import { appStarted } from './mode';
import type { Person } from './people';
import type { Post } from './post';

export const WRONG = 'That e-mail address and password don’t match. Check both, or choose “Forgot password?”.';

/** Waits for a page's heading, and for the app where there is one. */
export async function arrive(page: Page, heading: string): Promise<void> {
  await expect(page.getByRole('heading', { level: 1, name: heading, exact: true })).toBeVisible();
  await appStarted(page);
}

export async function open(page: Page, path: string, heading: string): Promise<void> {
  await page.goto(path);
  await arrive(page, heading);
}

/** The step's own button; a page has others of the same name. */
export function button(page: Page, name: string): Locator {
  return page.getByRole('main').getByRole('button', { name, exact: true });
}

export function link(page: Page, name: string): Locator {
  return page.getByRole('main').getByRole('link', { name, exact: true });
}

export function field(page: Page, label: string): Locator {
  return page.getByRole('main').getByLabel(label, { exact: true });
}

/** The summary on top, with its sentence, and the same sentence beside the field that it is about. */
export async function expectRefusal(page: Page, sentence: string | RegExp, label?: string): Promise<void> {
  const summary = page.getByRole('alert').filter({ hasText: 'There is a problem' });
  await expect(summary).toContainText(sentence);
  await expect(page).toHaveTitle(/^Error: /);
  if (label) {
    await expect(field(page, label)).toHaveAttribute('aria-invalid', 'true');
    await expect(field(page, label)).toHaveAccessibleDescription(sentence instanceof RegExp ? sentence : containing(sentence));
  }
}

function containing(sentence: string): RegExp {
  return new RegExp(sentence.replace(/[^\w\s]/g, '\\$&'));
}

export async function submitEmail(page: Page, email: string): Promise<void> {
  await field(page, 'E-mail address').fill(email);
  await button(page, 'Next').click();
}

export async function submitPassword(page: Page, password: string): Promise<void> {
  await field(page, 'Password').fill(password);
  await button(page, 'Sign in').click();
}

export async function submitCode(page: Page, code: string): Promise<void> {
  await field(page, 'One-time passcode').fill(code);
  await button(page, 'Next').click();
}

export async function submitNewPassword(page: Page, password: string, again = password): Promise<void> {
  await field(page, 'New password').fill(password);
  await field(page, 'Confirm new password').fill(again);
  await button(page, 'Reset password').click();
}

/** Up to the password step of a sign-in. */
export async function toPassword(page: Page, email: string, path = '/signin'): Promise<void> {
  await open(page, path, 'Sign in');
  await submitEmail(page, email);
  await arrive(page, 'Enter your password');
}

/** Up to the code step of a sign-in. */
export async function toSignInCode(page: Page, person: Person, path = '/signin'): Promise<void> {
  await toPassword(page, person.email, path);
  await submitPassword(page, person.password);
  await arrive(page, 'Check your e-mail');
}

/** The whole sign-in; it ends on the profile. */
export async function signIn(page: Page, person: Person, post: Post, options: { trust?: boolean } = {}): Promise<void> {
  await toSignInCode(page, person);
  if (options.trust) await field(page, 'Trust this device for 30 days').check();
  await submitCode(page, await post.code(person.email, 6));
  await arrive(page, 'Profile');
}

/** By "Forgot password?" to the code step of a reset; the address is not typed again. */
export async function toResetCode(page: Page, email: string): Promise<void> {
  await toPassword(page, email);
  await button(page, 'Forgot password?').click();
  await arrive(page, 'Check your e-mail');
}

/** Up to the new password. */
export async function toNewPassword(page: Page, email: string, post: Post): Promise<void> {
  await toResetCode(page, email);
  await submitCode(page, await post.code(email, 8));
  await arrive(page, 'Choose a new password');
}

/** The label of the request, as the page shows it: `K7`. */
export async function referenceOf(page: Page): Promise<string> {
  const text = await page.getByRole('main').getByText(/Request [A-Z]\d/).first().innerText();
  return /Request ([A-Z]\d)/.exec(text)?.[1] ?? '';
}

/** All that the page says, whether or not its stylesheet is there yet. The state for the app is no words. */
export async function wordsOf(page: Page): Promise<string> {
  const parts = await page.locator('header, main, #status, footer').evaluateAll((found) =>
    found.map((part) => {
      const words = part.cloneNode(true) as Element;
      words.querySelectorAll('script').forEach((script) => script.remove());
      return words.textContent ?? '';
    }),
  );
  return parts.join(' ');
}

/** Unfolds "Didn’t get the e-mail?", should it be folded. */
export async function unfoldHelp(page: Page): Promise<Locator> {
  const help = page.locator('details').filter({ hasText: 'Didn’t get the e-mail?' });
  if ((await help.getAttribute('open')) === null) await help.locator('summary').click();
  return help;
}
