// Errors have helpful messages and lose no input.
import {
  arrive,
  button,
  expectRefusal,
  field,
  open,
  submitCode,
  submitEmail,
  submitNewPassword,
  submitPassword,
  toNewPassword,
  toPassword,
  toResetCode,
  toSignInCode,
} from '../support/journeys';
import { look } from '../support/look';
import { hasApp } from '../support/mode';
import { NEW_PASSWORD } from '../support/users';
import { codeIn, otherThan } from '../support/post';
import { expect, test } from '../support/test';

test('an empty field is reported on every form', async ({ page, users, post }) => {
  const user = await users.local();
  await open(page, '/signin', 'Sign in');
  await submitEmail(page, '');
  await expectRefusal(page, 'Enter your e-mail address.', 'E-mail address');
  await look(page, 'sign-in-refused');
  await submitEmail(page, user.email);
  await arrive(page, 'Enter your password');
  await submitPassword(page, '');
  await expectRefusal(page, 'Enter your password.', 'Password');
  await button(page, 'Forgot password?').click();
  await arrive(page, 'Check your e-mail');
  await submitCode(page, '');
  await expectRefusal(page, 'Enter the one-time passcode from the e-mail.', 'One-time passcode');
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'Choose a new password');
  await submitNewPassword(page, '');
  await expectRefusal(page, 'Enter a new password.', 'New password');
  await submitNewPassword(page, NEW_PASSWORD, '');
  await expectRefusal(page, 'Confirm your new password.', 'Confirm new password');
});

test('a malformed address stays in the field', async ({ page, users }) => {
  for (const path of ['/signin', '/reset', '/signup']) {
    const heading = { '/signin': 'Sign in', '/reset': 'Reset your password', '/signup': 'Create an account' }[path] ?? '';
    await open(page, path, heading);
    await submitEmail(page, 'robin.example.com');
    await expectRefusal(page, 'Enter an e-mail address like name@example.com.', 'E-mail address');
    await expect(field(page, 'E-mail address')).toHaveValue('robin.example.com');
  }
  const user = users.unregistered();
  await submitEmail(page, user.email);
  await arrive(page, 'Check your e-mail');
});

test('capitals and surrounding spaces in an address are ignored', async ({ page, users, post }) => {
  const user = await users.local();
  await open(page, '/reset', 'Reset your password');
  await submitEmail(page, `  ${user.email.toUpperCase()} `);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'Choose a new password');
});

test('incorrect codes count down until no tries are left', async ({ page, users, post }) => {
  const user = await users.local();
  await toResetCode(page, user.email);
  const code = await post.code(user.email, 8);
  for (const left of [4, 3, 2, 1]) {
    await submitCode(page, otherThan(code, left));
    await expectRefusal(page, `That passcode is incorrect. You have ${left === 1 ? '1 try' : `${left} tries`} left.`, 'One-time passcode');
  }
  await look(page, 'reset-code-wrong');
  await submitCode(page, otherThan(code, 5));
  await expectRefusal(page, 'That passcode is incorrect, and you have no tries left. Start again to get a new one.');
  await look(page, 'reset-code-used-up');
  // The correct code is now refused.
  if (await field(page, 'One-time passcode').isVisible()) {
    await submitCode(page, code);
    await expectRefusal(page, /no tries left|no longer open/);
  }
  await expect(page.getByRole('heading', { name: 'Choose a new password' })).toHaveCount(0);
});

test('a pasted code is accepted in common formats', async ({ page, users, post }) => {
  const shapes: [string, (code: string, mail: string) => string][] = [
    ['with spaces', (code) => ` ${code.slice(0, 4)} ${code.slice(4)} `],
    ['in full-width digits', (code) => [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join('')],
    ['as the whole mail', (_, mail) => mail],
  ];
  for (const [shape, shaped] of shapes) {
    await test.step(shape, async () => {
      const user = await users.local();
      await toResetCode(page, user.email);
      const message = await post.codeEmail(user.email, 8);
      await submitCode(page, shaped(message.code, message.text));
      await arrive(page, 'Choose a new password');
      await page.context().clearCookies();
    });
  }
});

test('a malformed code is refused without spending a try', async ({ page, users, post }) => {
  const user = await users.local();
  await toSignInCode(page, user);
  const code = await post.code(user.email, 6);
  await submitCode(page, code.slice(1));
  await expectRefusal(page, 'The one-time passcode has 6 digits.', 'One-time passcode');
  await submitCode(page, `either ${code} or ${otherThan(code)}`);
  await expectRefusal(page, 'That contains more than one possible passcode.', 'One-time passcode');
  await submitCode(page, otherThan(code));
  await expectRefusal(page, 'You have 4 tries left.', 'One-time passcode');
  await submitCode(page, code);
  await arrive(page, 'Profile');
});

test('an unacceptable new password is refused with the reason', async ({ page, users, post }) => {
  const user = await users.local();
  await toNewPassword(page, user.email, post);
  await submitNewPassword(page, NEW_PASSWORD, 'plum tractor violet harbor');
  await expectRefusal(page, 'The passwords don’t match.', 'Confirm new password');
  await look(page, 'reset-choose-refused');
  await submitNewPassword(page, 'fourteen chars');
  await expectRefusal(page, 'Use at least 15 characters. This password has 14.', 'New password');
  await submitNewPassword(page, 'x'.repeat(129));
  await expectRefusal(page, 'Use at most 128 characters.', 'New password');
  await submitNewPassword(page, `${user.email}`);
  await expectRefusal(page, 'Choose a password that doesn’t contain your name or e-mail address.', 'New password');
  await submitNewPassword(page, 'passwordpassword');
  await expectRefusal(page, /too common|repeats the same pattern|easy to guess/, 'New password');
  await submitNewPassword(page, user.password);
  await expectRefusal(page, 'That’s your current password. Choose a new one.', 'New password');
  await submitNewPassword(page, NEW_PASSWORD);
  await arrive(page, 'Your password has been reset');
});

test('empty password fields show no confirmation', async ({ page, users, post }) => {
  const user = await users.local();
  await toNewPassword(page, user.email, post);
  await expect(page.locator('.good')).toHaveCount(2);
  await expect(page.locator('.good:not(:empty)'), 'a tick').toHaveCount(0);
});

test('matching passwords are confirmed while typing', async ({ page, users, post }) => {
  test.skip(!hasApp(), 'without the app there is no message before the form is sent');
  const user = await users.local();
  await toNewPassword(page, user.email, post);
  await expect(page.getByText('The passwords match.')).toHaveCount(0);
  await field(page, 'New password').fill(NEW_PASSWORD);
  await expect(page.getByText('Long enough.')).toBeVisible();
  await field(page, 'Confirm new password').fill('plum');
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(page.getByText('The passwords match.')).toHaveCount(0);
  await field(page, 'Confirm new password').fill(NEW_PASSWORD);
  await expect(page.getByText('The passwords match.')).toBeVisible();
});

test('a shown password is hidden again on submit', async ({ page, users }) => {
  const user = await users.local();
  await toPassword(page, user.email);
  const show = page.getByRole('button', { name: 'Show: Password' });
  if (!hasApp()) {
    await expect(show).toHaveCount(0);
    return;
  }
  await field(page, 'Password').fill('not the right one');
  await show.click();
  await expect(field(page, 'Password')).toHaveAttribute('type', 'text');
  await button(page, 'Sign in').click();
  await expectRefusal(page, 'don’t match', 'Password');
  await expect(field(page, 'Password')).toHaveAttribute('type', 'password');
});

test('a lost connection keeps the form, which can be sent again', async ({ page, context, users, post, watch }) => {
  test.skip(!hasApp(), 'without the app the browser reports the lost connection');
  watch.allow(/ERR_INTERNET_DISCONNECTED/);
  const user = await users.local();
  await toResetCode(page, user.email);
  const code = await post.code(user.email, 8);
  await context.setOffline(true);
  await submitCode(page, code);
  await expect(page.getByRole('alert')).toContainText('There’s no connection. What you typed is still here. Try again.');
  await expect(field(page, 'One-time passcode')).toHaveValue(code);
  await look(page, 'reset-offline');
  await context.setOffline(false);
  await button(page, 'Next').click();
  await arrive(page, 'Choose a new password');

  await field(page, 'New password').fill(NEW_PASSWORD);
  await field(page, 'Confirm new password').fill(NEW_PASSWORD);
  await context.setOffline(true);
  await button(page, 'Reset password').click();
  await expect(page.getByRole('alert')).toContainText('There’s no connection.');
  await expect(field(page, 'New password')).toHaveValue(NEW_PASSWORD);
  await expect(field(page, 'Confirm new password')).toHaveValue(NEW_PASSWORD);
  await context.setOffline(false);
  await button(page, 'Reset password').click();
  await arrive(page, 'Your password has been reset');
});

test('submitting twice has one effect', async ({ page, users, post }) => {
  const user = await users.local();
  await open(page, '/reset', 'Reset your password');
  await field(page, 'E-mail address').fill(user.email);
  await button(page, 'Next').dblclick();
  await arrive(page, 'Check your e-mail');
  const code = await post.code(user.email, 8);
  expect(await post.all(user.email)).toHaveLength(1);

  await field(page, 'One-time passcode').fill(code);
  await button(page, 'Next').dblclick();
  await arrive(page, 'Choose a new password');

  await field(page, 'New password').fill(NEW_PASSWORD);
  await field(page, 'Confirm new password').fill(NEW_PASSWORD);
  await button(page, 'Reset password').dblclick();
  await arrive(page, 'Your password has been reset');
  const isNotice = (message: { subject: string }) => /password/i.test(message.subject);
  await post.email(user.email, (message) => isNotice(message) && !codeIn(message), 'a notice');
  expect(await post.all(user.email)).toHaveLength(2);

  await toSignInCode(page, { ...user, password: NEW_PASSWORD });
  await post.code(user.email, 6);
});

test('submitting the first form of a sign-in or sign-up twice has one effect', async ({ page, users, post }) => {
  const user = await users.local();
  await open(page, '/signin', 'Sign in');
  await field(page, 'E-mail address').fill(user.email);
  await button(page, 'Next').dblclick();
  await arrive(page, 'Enter your password');
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 6));
  await arrive(page, 'Profile');

  await page.context().clearCookies();
  const stranger = users.unregistered();
  await open(page, '/signup', 'Create an account');
  await field(page, 'E-mail address').fill(stranger.email);
  await button(page, 'Next').dblclick();
  await arrive(page, 'Check your e-mail');
  const code = await post.code(stranger.email, 8);
  expect(await post.all(stranger.email)).toHaveLength(1);
  await submitCode(page, code);
  await arrive(page, 'Your name and password');
});

test('submitting a first form twice has one effect in fifty runs', async ({ page, users, post }) => {
  test.setTimeout(300_000);
  const known = [await users.local(), await users.local()];
  const sent = new Map<string, number>();
  for (let n = 0; n < 50; n += 1) {
    await page.context().clearCookies();
    // A separate network for each submission.
    await page.context().setExtraHTTPHeaders({ 'X-Forwarded-For': `10.8.${n}.1` });
    const { email } = (n % 2 === 0 ? known[(n / 2) % 2] : undefined) ?? users.unregistered();
    const [path, heading, next] = [
      ['/reset', 'Reset your password', 'Check your e-mail'],
      ['/signup', 'Create an account', 'Check your e-mail'],
      ['/signin', 'Sign in', 'Enter your password'],
    ][n % 3]!;
    await open(page, path!, heading!);
    await field(page, 'E-mail address').fill(email);
    await button(page, 'Next').dblclick();
    await arrive(page, next!);
    if (path !== '/signin') sent.set(email, (sent.get(email) ?? 0) + 1);
  }
  const received = async () => {
    const all = await Promise.all([...sent.keys()].map(async (email) => [email, (await post.all(email)).length] as const));
    return new Map(all);
  };
  await expect.poll(received).toEqual(sent);
});

test('submitting the last form of a sign-in or password change twice has one effect', async ({ page, users, post }) => {
  const user = await users.local();
  await toSignInCode(page, user);
  await field(page, 'One-time passcode').fill(await post.code(user.email, 6));
  await field(page, 'Trust this device for 30 days').check();
  await button(page, 'Next').dblclick();
  await arrive(page, 'Profile');
  await open(page, '/security', 'Security');
  await expect(page.getByRole('region', { name: 'Signed-in devices' }).getByRole('listitem')).toHaveCount(1);
  await expect(page.getByRole('region', { name: 'Trusted devices' }).getByRole('listitem')).toHaveCount(1);

  await open(page, '/security/password', 'Change password');
  await field(page, 'Current password').fill(user.password);
  await field(page, 'New password').fill(NEW_PASSWORD);
  await field(page, 'Confirm new password').fill(NEW_PASSWORD);
  await button(page, 'Save').dblclick();
  await arrive(page, 'Security');
  await expect(page.getByRole('status').filter({ hasText: 'Password changed' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Signed-in devices' }).getByRole('listitem')).toHaveCount(1);

  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
  await arrive(page, 'You’re signed out');
  await toPassword(page, user.email);
  await submitPassword(page, NEW_PASSWORD);
  await arrive(page, 'Profile');
});

test('resending the last form after a lost response gets the same session', async ({ page, users, post, watch }) => {
  watch.allow(/ERR_|Failed to load/);
  const user = await users.local();
  await toSignInCode(page, user);
  const code = await post.code(user.email, 6);
  let lost = 0;
  await page.route('**/api/sign_in/answer', async (route) => {
    if (lost > 0) return route.continue();
    lost += 1;
    // This fetch shares its cookies with the browser.
    const cookies = await page.context().cookies();
    expect((await route.fetch({ maxRedirects: 0 })).headers()['set-cookie']).toContain('__Host-session');
    await page.context().clearCookies();
    await page.context().addCookies(cookies);
    await route.abort();
  });
  await submitCode(page, code);
  if (hasApp()) {
    await expect(page.getByRole('alert')).toContainText('There’s no connection.');
    await button(page, 'Next').click();
  } else {
    await page.waitForURL(/^chrome-error:/);
    await page.goto('/signin');
    await arrive(page, 'Check your e-mail');
    await submitCode(page, code);
  }
  await arrive(page, 'Profile');
  await open(page, '/security', 'Security');
  await expect(page.getByRole('region', { name: 'Signed-in devices' }).getByRole('listitem')).toHaveCount(1);
});

test('resending the first form after a lost response gets the same step', async ({ page, users, post, watch }) => {
  watch.allow(/ERR_|Failed to load/);
  const user = await users.local();
  await open(page, '/reset', 'Reset your password');
  // The server completes the request, and the browser loses the response.
  let lost = 0;
  await page.route('**/api/reset/begin', async (route) => {
    if (lost > 0) return route.continue();
    lost += 1;
    await route.fetch({ maxRedirects: 0 });
    // This fetch shares its cookies with the browser.
    await page.context().clearCookies({ name: '__Host-reset' });
    await route.abort();
  });
  await submitEmail(page, user.email);
  const code = await post.code(user.email, 8);
  if (hasApp()) {
    await expect(page.getByRole('alert')).toContainText('There’s no connection.');
  } else {
    await page.waitForURL(/^chrome-error:/);
    await page.goto('/reset');
    await field(page, 'E-mail address').fill(user.email);
  }
  await button(page, 'Next').click();
  await arrive(page, 'Check your e-mail');
  expect(await post.all(user.email)).toHaveLength(1);
  await submitCode(page, code);
  await arrive(page, 'Choose a new password');
});
