// Journeys that several specs share.
import { expect, type Locator, type Page } from '@playwright/test';
import { appStarted } from './mode';
import type { User } from './users';
import type { Post } from './post';

export const WRONG = 'That e-mail address and password don’t match. Check both, or choose “Forgot password?”.';

/** Waits for a page's heading, and for the app if there is one. */
export async function arrive(page: Page, heading: string): Promise<void> {
  await expect(page.getByRole('heading', { level: 1, name: heading, exact: true })).toBeVisible();
  await appStarted(page);
}

export async function open(page: Page, path: string, heading: string): Promise<void> {
  await page.goto(path);
  await arrive(page, heading);
}

/** The step's own button; other buttons on the page may have the same name. */
export function button(page: Page, name: string): Locator {
  return page.getByRole('main').getByRole('button', { name, exact: true });
}

export function link(page: Page, name: string): Locator {
  return page.getByRole('main').getByRole('link', { name, exact: true });
}

export function field(page: Page, label: string): Locator {
  return page.getByRole('main').getByLabel(label, { exact: true });
}

/** Expects the sentence in the summary at the top and beside its field. */
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

/** Begins a sign-in and stops at the password. */
export async function toPassword(page: Page, email: string, path = '/signin'): Promise<void> {
  await open(page, path, 'Sign in');
  await submitEmail(page, email);
  await arrive(page, 'Enter your password');
}

/** Begins a sign-in and stops at the code. */
export async function toSignInCode(page: Page, user: User, path = '/signin'): Promise<void> {
  await toPassword(page, user.email, path);
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
}

/** A complete sign-in, up to the profile. */
export async function signIn(page: Page, user: User, post: Post, options: { trust?: boolean } = {}): Promise<void> {
  await toSignInCode(page, user);
  if (options.trust) await field(page, 'Trust this device for 30 days').check();
  await submitCode(page, await post.code(user.email, 6));
  await arrive(page, 'Profile');
}

/** From "Forgot password?" to the code of a reset, without typing the address again. */
export async function toResetCode(page: Page, email: string): Promise<void> {
  await toPassword(page, email);
  await button(page, 'Forgot password?').click();
  await arrive(page, 'Check your e-mail');
}

/** Continues a reset to the new password. */
export async function toNewPassword(page: Page, email: string, post: Post): Promise<void> {
  await toResetCode(page, email);
  await submitCode(page, await post.code(email, 8));
  await arrive(page, 'Choose a new password');
}

/** The reference of the request, as shown on the page: `K7`. */
export async function referenceOf(page: Page): Promise<string> {
  const text = await page.getByRole('main').getByText(/Request [A-Z]\d/).first().innerText();
  return /Request ([A-Z]\d)/.exec(text)?.[1] ?? '';
}

/** The page's visible text, with or without the stylesheet. The app's initial state isn't text. */
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

/** Opens "Didn’t get the e-mail?" if it is closed. */
export async function unfoldHelp(page: Page): Promise<Locator> {
  const help = page.locator('details').filter({ hasText: 'Didn’t get the e-mail?' });
  if ((await help.getAttribute('open')) === null) await help.locator('summary').click();
  return help;
}
