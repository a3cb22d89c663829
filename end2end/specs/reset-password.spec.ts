// "Reset your password": the article's nine steps in order, with limits on the user's effort.
import { NEW_PASSWORD, type User } from '../support/users';
import { arrive, button, field, referenceOf, open, toNewPassword } from '../support/journeys';
import { look } from '../support/look';
import { SENDER_CODES, SENDER_NOTICES } from '../support/service';
import { expect, test } from '../support/test';
import { hasApp } from '../support/mode';
import type { Locator, Page, Request } from '@playwright/test';

/** Counts a user's actions. */
class Effort {
  clicks = 0;
  fields = 0;
  emails = 0;

  async click(what: Locator): Promise<void> {
    this.clicks += 1;
    await what.click();
  }

  async fill(what: Locator, text: string): Promise<void> {
    this.fields += 1;
    if (text.includes('@')) this.emails += 1;
    await what.fill(text);
  }
}

test('a forgotten password is reset in nine steps', async ({ page, users, post }) => {
  const user = await users.local();
  const effort = new Effort();
  const plainPosts = countPlainPosts(page);

  await test.step('1. Go to the sign-in screen', async () => {
    await page.goto('/profile');
    await expect(page).toHaveURL(/\/signin(\?|$)/);
  });

  await test.step('2. Select Sign in: this page is already open', async () => {
    await arrive(page, 'Sign in');
    await look(page, 'sign-in');
  });

  await test.step('3. Enter your e-mail address and select Next', async () => {
    await effort.fill(field(page, 'E-mail address'), user.email);
    await effort.click(button(page, 'Next'));
    await arrive(page, 'Enter your password');
    await expect(page.getByRole('main')).toContainText(user.email);
    await look(page, 'sign-in-password');
  });

  await test.step('4. Select Forgot password? below the sign-in option', async () => {
    const forgot = button(page, 'Forgot password?');
    const signIn = await button(page, 'Sign in').boundingBox();
    expect((await forgot.boundingBox())?.y).toBeGreaterThan(signIn?.y ?? Infinity);
    await effort.click(forgot);
  });

  await test.step('5. Check your e-mail for a one-time passcode', async () => {
    await arrive(page, 'Check your e-mail');
    const main = page.getByRole('main');
    await expect(main).toContainText(user.email);
    await expect(main).toContainText(SENDER_CODES);
    await look(page, 'reset-code');
  });

  await test.step('6. Enter the passcode and select Next', async () => {
    const label = await referenceOf(page);
    const message = await post.codeEmail(user.email, 8);
    expect(message.from).toContain(SENDER_CODES);
    expect(message.subject).toContain(`Request ${label}`);
    expect(message.text).toContain(`Request ${label}`);
    expect(message.html).toContain(`Request ${label}`);
    await expect(page.getByRole('main')).toContainText(message.subject);
    // Attack: start a reset and read the code on the lock screen of the owner's phone.
    expect(message.subject).not.toContain(message.code);
    await effort.fill(field(page, 'One-time passcode'), message.code);
    await effort.click(button(page, 'Next'));
    await arrive(page, 'Choose a new password');
    await look(page, 'reset-choose');
  });

  await test.step('7. Enter your new password twice, then select Reset password', async () => {
    await effort.fill(field(page, 'New password'), NEW_PASSWORD);
    await effort.fill(field(page, 'Confirm new password'), NEW_PASSWORD);
    await effort.click(button(page, 'Reset password'));
    await arrive(page, 'Your password has been reset');
    await look(page, 'reset-done');
    const notice = await post.email(user.email, (message) => message.from.includes(SENDER_NOTICES), 'a notice of the reset');
    expect(notice.text).not.toContain(NEW_PASSWORD);
    expect((await page.context().cookies()).map((cookie) => cookie.name)).not.toContain('__Host-session');
  });

  await test.step('8. Sign in with your new password', async () => {
    await effort.click(button(page, 'Continue to sign in'));
    await arrive(page, 'Enter your password');
    await expect(page.getByRole('main')).toContainText(user.email);
    await effort.fill(field(page, 'Password'), NEW_PASSWORD);
    await effort.click(button(page, 'Sign in'));
  });

  await test.step('9. When prompted, enter the passcode sent to your e-mail to confirm sign-in', async () => {
    await arrive(page, 'Check your e-mail');
    await look(page, 'sign-in-code');
    await effort.fill(field(page, 'One-time passcode'), await post.code(user.email, 6));
    await effort.click(button(page, 'Next'));
    await arrive(page, 'Profile');
    await expect(page.getByRole('main')).toContainText(user.email);
    await look(page, 'profile');
  });

  expect(effort.clicks, 'clicks').toBeLessThanOrEqual(7);
  expect(effort.fields, 'fields').toBeLessThanOrEqual(6);
  expect(effort.emails, 'the address is typed once').toBe(1);
  if (hasApp()) expect(plainPosts(), 'with the app no form of the flow is sent plainly').toEqual([]);
});

test('the reset page asks for the address', async ({ page, users, post }) => {
  const user = await users.local();
  await open(page, '/reset', 'Reset your password');
  await look(page, 'reset');
  await field(page, 'E-mail address').fill(user.email);
  await button(page, 'Next').click();
  await arrive(page, 'Check your e-mail');
  await post.code(user.email, 8);
});

test('only the new password signs in after a reset', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  await toNewPassword(page, user.email, post);
  await field(page, 'New password').fill(NEW_PASSWORD);
  await field(page, 'Confirm new password').fill(NEW_PASSWORD);
  await button(page, 'Reset password').click();
  await arrive(page, 'Your password has been reset');

  const other = await anotherBrowser();
  await trySignIn(other, user, user.password);
  await expect(other.getByRole('alert')).toContainText('don’t match');
  await field(other, 'Password').fill(NEW_PASSWORD);
  await button(other, 'Sign in').click();
  await arrive(other, 'Check your e-mail');
});

async function trySignIn(page: Page, user: User, password: string): Promise<void> {
  await open(page, '/signin', 'Sign in');
  await field(page, 'E-mail address').fill(user.email);
  await button(page, 'Next').click();
  await arrive(page, 'Enter your password');
  await field(page, 'Password').fill(password);
  await button(page, 'Sign in').click();
}

/** Collects form posts that load a new page. */
function countPlainPosts(page: Page): () => string[] {
  const sent: string[] = [];
  page.on('request', (request: Request) => {
    if (request.method() === 'POST' && request.isNavigationRequest()) sent.push(new URL(request.url()).pathname);
  });
  return () => sent;
}
