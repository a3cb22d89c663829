// "If you sign in with a third-party provider (Google)": the e-mail explains it, and the screens hide it.
import type { Page } from '@playwright/test';
import { expectRefusal, submitPassword, toPassword, toResetCode, wordsOf, WRONG } from '../support/journeys';
import { ADMINISTRATOR, ORGANIZATION, type User } from '../support/users';
import { codeIn } from '../support/post';
import { SENDER_CODES } from '../support/service';
import { expect, test } from '../support/test';

test('a reset refers a Google account to Google', async ({ page, users, post }) => {
  const user = await users.google();
  await toResetCode(page, user.email);
  const message = await post.email(user.email, () => true, 'an answer');
  expect(message.from).toContain(SENDER_CODES);
  expect(message.text).toContain('Google');
  expect(message.html).toContain('Google');
  expect(codeIn(message)).toBeUndefined();
});

test('a reset refers a managed account to its administrator', async ({ page, users, post }) => {
  const user = await users.managed();
  await toResetCode(page, user.email);
  const message = await post.email(user.email, () => true, 'an answer');
  for (const part of [message.text, message.html]) {
    expect(part).toContain(ORGANIZATION);
    expect(part).toContain(ADMINISTRATOR.name);
    expect(part).toContain(ADMINISTRATOR.email);
  }
  expect(codeIn(message)).toBeUndefined();
});

test('a reset e-mail to an address without an account says so', async ({ page, users, post }) => {
  const user = users.unregistered();
  await toResetCode(page, user.email);
  const message = await post.email(user.email, () => true, 'an answer');
  expect(message.text).toMatch(/There’s no .*account with this e-mail address/);
  expect(codeIn(message)).toBeUndefined();
});

test('reset screens are the same for every kind of address', async ({ page, users, post }) => {
  const kinds: [string, User][] = [
    ['local', await users.local()],
    ['Google', await users.google()],
    ['managed', await users.managed()],
    ['deactivated', await users.deactivated()],
    ['unknown', users.unregistered()],
  ];
  const screens: Record<string, string> = {};
  for (const [kind, user] of kinds) {
    await toResetCode(page, user.email);
    screens[kind] = await words(page, user);
    await post.email(user.email, () => true, 'exactly one answer');
    expect(await post.all(user.email)).toHaveLength(1);
    await page.context().clearCookies();
  }
  for (const [kind] of kinds) expect(screens[kind], kind).toBe(screens.local);
});

test('a password is refused in the same words for every kind of address', async ({ page, users }) => {
  const kinds: [string, User, string][] = [
    ['local', await users.local(), 'not the right password'],
    ['Google', await users.google(), 'not the right password'],
    ['managed', await users.managed(), 'not the right password'],
    ['unknown', users.unregistered(), 'not the right password'],
  ];
  const deactivated = await users.deactivated();
  kinds.push(['deactivated', deactivated, deactivated.password]);
  const screens: Record<string, string> = {};
  for (const [kind, user, password] of kinds) {
    await toPassword(page, user.email);
    await submitPassword(page, password);
    await expectRefusal(page, WRONG, 'Password');
    screens[kind] = await words(page, user);
    await page.context().clearCookies();
  }
  for (const [kind] of kinds) expect(screens[kind], kind).toBe(screens.local);
});

/** The page's text, without the parts that differ between requests. */
async function words(page: Page, user: User): Promise<string> {
  const text = await wordsOf(page);
  return text
    .replaceAll(user.email, 'ADDRESS')
    .replace(/Request [A-Z]\d/g, 'LABEL')
    .replace(/\d\d:\d\d/g, 'TIME')
    .replace(/\d+ seconds?/g, 'WAIT');
}
