// A closed tab, a second tab, a mistyped address.
import {
  arrive,
  button,
  expectRefusal,
  field,
  referenceOf,
  open,
  submitCode,
  submitEmail,
  toPassword,
  toResetCode,
  toSignInCode,
} from '../support/journeys';
import { look } from '../support/look';
import { hasApp } from '../support/mode';
import { expect, test } from '../support/test';

test('a reset continues after its tab was closed', async ({ page, context, users, post }) => {
  const user = await users.local();
  await toResetCode(page, user.email);
  const label = await referenceOf(page);
  await button(page, 'Send a new passcode').click();
  await expectRefusal(page, 'You can’t request another passcode yet.');
  await page.close();

  const later = await context.newPage();
  await open(later, '/reset', 'Check your e-mail');
  expect(await referenceOf(later)).toBe(label);
  await submitCode(later, await post.code(user.email, 8));
  await arrive(later, 'Choose a new password');
  expect(await post.all(user.email)).toHaveLength(1);
});

test('the sign-in page offers to continue a reset', async ({ page, users }) => {
  const user = await users.local();
  await open(page, '/reset', 'Reset your password');
  await field(page, 'E-mail address').fill(user.email);
  await button(page, 'Next').click();
  await arrive(page, 'Check your e-mail');
  await open(page, '/signin', 'Sign in');
  const goOn = page.getByRole('link', { name: /^Continue with the passcode sent to \S+ at \d\d:\d\d( UTC)?$/ });
  await expect(goOn).toContainText(user.email);
  await look(page, 'sign-in-resume');
  await goOn.click();
  await arrive(page, 'Check your e-mail');
});

test('a sign-in continues after its tab was closed', async ({ page, context, users, post }) => {
  const user = await users.local();
  await toSignInCode(page, user, '/signin?next=/security');
  await page.close();
  const later = await context.newPage();
  await open(later, '/signin', 'Check your e-mail');
  await submitCode(later, await post.code(user.email, 6));
  await arrive(later, 'Security');
});

test('a second tab shows that the flow continued', async ({ page, context, users, post }) => {
  test.skip(!hasApp(), 'without the app a tab changes on its next request');
  const user = await users.local();
  await toResetCode(page, user.email);
  const second = await context.newPage();
  await open(second, '/reset', 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'Choose a new password');
  await arrive(second, 'Choose a new password');
  await expect(second.getByRole('status')).toHaveText('You continued in another tab. This is the current step.');
  await look(second, 'reset-elsewhere');
});

test('a tab shows that the flow ended in another tab', async ({ page, context, users }) => {
  test.skip(!hasApp(), 'without the app a tab changes on its next request');
  const [first, second] = [await users.local(), await users.local()];
  await toPassword(page, first.email);
  const other = await context.newPage();
  await open(other, '/signin', 'Enter your password');
  await button(other, 'Use a different e-mail').click();
  await arrive(other, 'Sign in');
  await arrive(page, 'Sign in');
  await expect(page.getByRole('status')).toHaveText('You continued in another tab. This is the current step.');

  await submitEmail(page, second.email);
  await arrive(page, 'Enter your password');
  await open(other, '/reset', 'Reset your password');
  await open(other, '/signin', 'Enter your password');
  await expect(other.getByRole('main')).toContainText(second.email);
});

test('a tab that becomes visible shows no message if nothing has changed', async ({ page, users }) => {
  test.skip(!hasApp(), 'without the app there is no message');
  const user = await users.local();
  await toResetCode(page, user.email);
  await field(page, 'One-time passcode').fill('1234');
  const looked = page.waitForResponse((answer) => answer.url().endsWith('/api/reset/step'));
  await page.evaluate(() => {
    const see = (hidden: boolean) => {
      Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    };
    see(true);
    setTimeout(() => see(false), 50);
  });
  await looked;
  await expect(page.getByText(/You can request a new passcode in \d+ seconds?/)).toBeVisible();
  await expect(page.getByRole('status')).toBeEmpty();
  await expect(field(page, 'One-time passcode')).toHaveValue('1234');
});

test('an expired request shows a message and prefills the address', async ({ page, users, service }) => {
  const user = await users.local();
  await toResetCode(page, user.email);
  await service.sql(`UPDATE flows SET ends_at = 0 WHERE email = '${user.email}';`);
  await page.reload();
  await arrive(page, 'Reset your password');
  await expect(page.getByRole('main')).toContainText('This request is no longer open. Start again.');
  await expect(field(page, 'E-mail address')).toHaveValue(user.email);
  await look(page, 'reset-over');
});

test('a form from an earlier step returns the current step', async ({ page, context, users, post }) => {
  test.skip(hasApp(), 'with the app the second tab has changed already');
  const user = await users.local();
  await toResetCode(page, user.email);
  const second = await context.newPage();
  await open(second, '/reset', 'Check your e-mail');
  const code = await post.code(user.email, 8);
  await submitCode(page, code);
  await arrive(page, 'Choose a new password');

  await submitCode(second, code);
  await arrive(second, 'Choose a new password');
  await expectRefusal(second, 'You continued in another tab. This is the current step.');
});

test('an address in the code field corrects a mistyped one', async ({ page, users, post }) => {
  const [mistyped, meant] = [users.unregistered(), await users.local()];
  await open(page, '/reset', 'Reset your password');
  await field(page, 'E-mail address').fill(mistyped.email);
  await button(page, 'Next').click();
  await arrive(page, 'Check your e-mail');
  await submitCode(page, meant.email);
  const code = await post.code(meant.email, 8);
  await expect(page.getByRole('main')).toContainText(meant.email);
  await submitCode(page, code);
  await arrive(page, 'Choose a new password');
  await expect(page.getByRole('main')).toContainText(meant.email);
});
