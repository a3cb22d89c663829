// "If you sign in with a third-party provider (Google)": signing in with it, and the e-mails that refer to it.
import type { Page } from '@playwright/test';
import {
  arrive,
  button,
  expectRefusal,
  field,
  link,
  open,
  signIn,
  submitCode,
  submitPassword,
  toPassword,
  toResetCode,
  wordsOf,
  WRONG,
} from '../support/journeys';
import { look } from '../support/look';
import { atProvider, cancelAtProvider } from '../support/providers';
import { NEW_PASSWORD } from '../support/users';
import { ADMINISTRATOR, ORGANIZATION, type User } from '../support/users';
import { codeIn } from '../support/post';
import { SENDER_CODES } from '../support/service';
import { expect, test } from '../support/test';

test('a new user continues with Google and adds a password', async ({ page, users, post }) => {
  const user = users.unregistered();
  await withGoogle(page, user.email);
  await arrive(page, 'Profile');
  await expect(page.getByRole('main')).toContainText('You sign in with Google.');
  await open(page, '/security', 'Security');
  await expect(page.getByRole('main')).toContainText('You sign in with Google');
  await expect(page.getByRole('main')).toContainText(user.email);
  await look(page, 'security-google');
  // The only way to sign in stays connected.
  await button(page, 'Disconnect Google').click();
  await expectRefusal(page, 'This is your only way to sign in. Add a password first.');
  await link(page, 'Add a password').click();
  await arrive(page, 'Add a password');
  await look(page, 'add-password');
  await field(page, 'New password').fill(NEW_PASSWORD);
  await field(page, 'Confirm new password').fill(NEW_PASSWORD);
  await button(page, 'Save').click();
  await arrive(page, 'Security');
  await expect(page.getByRole('status')).toContainText('Password added');
  await post.email(user.email, (message) => message.subject.includes('password was added'), 'a notice');
  await button(page, 'Disconnect Google').click();
  await expect(page.getByRole('status')).toContainText('Account disconnected');
  await page.context().clearCookies();
  await signIn(page, { ...user, password: NEW_PASSWORD }, post);
});

test('a returning user continues with Google from another browser', async ({ page, users, anotherBrowser }) => {
  const user = users.unregistered();
  await withGoogle(page, user.email);
  await arrive(page, 'Profile');
  const other = await anotherBrowser();
  await other.goto('/signin?next=/security');
  await link(other, 'Continue with Google').click();
  await atProvider(other, user.email);
  await arrive(other, 'Security');
});

test('an account with a password is connected after its own sign-in', async ({ page, users, post }) => {
  const user = await users.local();
  await withGoogle(page, user.email);
  await arrive(page, 'Enter your password');
  await expectRefusal(page, 'There’s already an account with this e-mail address. Sign in to it once, then connect Google.');
  await look(page, 'sign-in-to-connect');
  await submitPassword(page, user.password);
  await submitCode(page, await post.code(user.email, 6));
  await arrive(page, 'Connect Google?');
  await look(page, 'connect');
  await button(page, 'Connect').click();
  await arrive(page, 'Security');
  await expect(page.getByRole('main')).toContainText('Google');
  await post.email(user.email, (message) => message.subject.includes('Google was connected'), 'a notice');
  await page.context().clearCookies();
  await withGoogle(page, user.email);
  await arrive(page, 'Profile');
});

test('an address that Google has not verified is proven with a passcode', async ({ page, users, post }) => {
  const user = users.unregistered();
  await open(page, '/signup', 'Create an account');
  await link(page, 'Continue with Google').click();
  await atProvider(page, user.email, { verified: false });
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 8));
  await field(page, 'Name').fill(user.name);
  await field(page, 'New password').fill(user.password);
  await field(page, 'Confirm new password').fill(user.password);
  await button(page, 'Create account').click();
  await expect(page.getByRole('main')).toContainText('account');
});

test('a canceled sign-in is explained and can be repeated', async ({ page, users }) => {
  await open(page, '/signin', 'Sign in');
  await link(page, 'Continue with Google').click();
  await cancelAtProvider(page);
  await arrive(page, 'Sign in');
  await expectRefusal(page, 'You weren’t signed in with Google. Try again, or sign in another way.');
  await look(page, 'sign-in-provider-refused');
  await link(page, 'Continue with Google').click();
  await atProvider(page, users.unregistered().email);
  await arrive(page, 'Profile');
});

test('the response of another attempt is refused', async ({ page, users }) => {
  const user = users.unregistered();
  await open(page, '/signin', 'Sign in');
  await link(page, 'Continue with Google').click();
  const [callback] = await Promise.all([
    page.waitForRequest((request) => request.url().includes('/signin/provider/google/callback')),
    atProvider(page, user.email),
  ]);
  await arrive(page, 'Profile');
  // The response again in a browser that did not ask for it.
  await page.context().clearCookies();
  await page.goto(callback.url());
  await arrive(page, 'Sign in');
  await expectRefusal(page, 'That took too long, or was started again in another tab. Try again.');
});

test('a change of sign-in needs a recent proof', async ({ page, users, post, service }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await service.sql(`UPDATE sessions SET authenticated_at = 0 WHERE account_id = (SELECT id FROM accounts WHERE email = '${user.email}');`);
  await open(page, '/security', 'Security');
  await link(page, 'Connect Google').click();
  await arrive(page, 'Confirm that it’s you');
  await look(page, 'confirm');
  await field(page, 'Current password').fill('not the right password');
  await button(page, 'Continue').click();
  await expectRefusal(page, 'password', 'Current password');
  await field(page, 'Current password').fill(user.password);
  await button(page, 'Continue').click();
  await arrive(page, 'Security');
  await link(page, 'Connect Google').click();
  await atProvider(page, users.unregistered().email);
  await arrive(page, 'Security');
  await expect(page.getByRole('status')).toContainText('Account connected');
});

test('an account without a password confirms with a passcode or at Google', async ({ page, users, post, service }) => {
  const user = users.unregistered();
  await withGoogle(page, user.email);
  await arrive(page, 'Profile');
  const late = () =>
    service.sql(`UPDATE sessions SET authenticated_at = 0 WHERE account_id = (SELECT id FROM accounts WHERE email = '${user.email}');`);
  await late();
  await open(page, '/security', 'Security');
  await link(page, 'Add a password').click();
  await arrive(page, 'Confirm that it’s you');
  await button(page, 'E-mail me a passcode').click();
  await arrive(page, 'Check your e-mail');
  await look(page, 'confirm-code');
  await expect(link(page, 'Cancel')).toHaveAttribute('href', '/security');
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'Add a password');
  await late();
  await open(page, '/security/confirm?next=/security/password', 'Confirm that it’s you');
  await link(page, 'Continue with Google').click();
  await atProvider(page, user.email);
  await arrive(page, 'Add a password');
});

test('a reset refers a Google account to Google', async ({ page, users, post }) => {
  const user = await users.google();
  await toResetCode(page, user.email);
  const message = await post.email(user.email, () => true, 'an answer');
  expect(message.from).toContain(SENDER_CODES);
  expect(message.text).toContain('Google');
  expect(message.html).toContain('Google');
  expect(message.text).toContain('Security page');
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

/** Continues with Google from the sign-in page. */
async function withGoogle(page: Page, email: string): Promise<void> {
  await open(page, '/signin', 'Sign in');
  await link(page, 'Continue with Google').click();
  await atProvider(page, email);
}
