// Creating an account: the address is proven first; only its owner learns whether it had an account.
import { arrive, button, expectRefusal, field, link, open, submitCode, submitEmail, submitPassword, wordsOf } from '../support/journeys';
import { look } from '../support/look';
import { codeIn } from '../support/post';
import { expect, test } from '../support/test';

test('a new account can be created and can sign in', async ({ page, users, post }) => {
  const user = users.unregistered();
  await open(page, '/signin', 'Sign in');
  await link(page, 'Create an account').click();
  await arrive(page, 'Create an account');
  await look(page, 'sign-up');
  await submitEmail(page, user.email);
  await arrive(page, 'Check your e-mail');
  await look(page, 'sign-up-code');
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'Your name and password');
  await look(page, 'sign-up-details');

  await field(page, 'Name').fill(user.name);
  await field(page, 'New password').fill(user.password);
  await field(page, 'Confirm new password').fill('something else entirely');
  await button(page, 'Create account').click();
  await expectRefusal(page, 'The passwords don’t match.', 'Confirm new password');
  await expect(field(page, 'Name')).toHaveValue(user.name);
  await look(page, 'sign-up-details-refused');

  // Not on any list of leaked passwords.
  const password = 'gravel lantern mosaic thirteen';
  await field(page, 'New password').fill(password);
  await field(page, 'Confirm new password').fill(password);
  await button(page, 'Create account').click();
  await arrive(page, 'Your account is ready');
  await look(page, 'sign-up-done');

  await button(page, 'Continue to sign in').click();
  await arrive(page, 'Enter your password');
  await submitPassword(page, password);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 6));
  await arrive(page, 'Profile');
  await expect(page.getByRole('main')).toContainText(user.name);
});

test('only the e-mail reveals that an address already has an account', async ({ page, users, post }) => {
  const screens: string[] = [];
  for (const user of [users.unregistered(), await users.local()]) {
    await open(page, '/signup', 'Create an account');
    await submitEmail(page, user.email);
    await arrive(page, 'Check your e-mail');
    const text = await wordsOf(page);
    screens.push(text.replaceAll(user.email, 'ADDRESS').replace(/Request [A-Z]\d|\d\d:\d\d|\d+ seconds?/g, '…'));
    const message = await post.email(user.email, () => true, 'an answer');
    if (screens.length === 2) {
      expect(codeIn(message)).toBeUndefined();
      expect(message.text).toMatch(/already have .*account with this e-mail address/);
    }
    await page.context().clearCookies();
  }
  expect(screens[1]).toBe(screens[0]);
});

test('a sign-up without a name is refused', async ({ page, users, post }) => {
  const user = users.unregistered();
  await open(page, '/signup', 'Create an account');
  await submitEmail(page, user.email);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'Your name and password');
  await field(page, 'New password').fill('gravel lantern mosaic thirteen');
  await field(page, 'Confirm new password').fill('gravel lantern mosaic thirteen');
  await button(page, 'Create account').click();
  await expectRefusal(page, 'Enter your name.', 'Name');
});
