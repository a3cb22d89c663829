// Signing in and out, and attacks on both.
import {
  arrive,
  button,
  expectRefusal,
  field,
  referenceOf,
  open,
  signIn,
  submitCode,
  submitEmail,
  submitPassword,
  toPassword,
  toSignInCode,
  WRONG,
} from '../support/journeys';
import { look } from '../support/look';
import { otherThan } from '../support/post';
import { expect, test } from '../support/test';

test('an incorrect password is refused, and the correct one works', async ({ page, users, post }) => {
  const user = await users.local();
  await toPassword(page, user.email);
  await submitPassword(page, 'not the right password');
  await expectRefusal(page, WRONG, 'Password');
  await expect(field(page, 'Password')).toHaveValue('');
  await look(page, 'sign-in-password-wrong');
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, otherThan(await post.code(user.email, 6)));
  await expectRefusal(page, 'That passcode is incorrect. You have 4 tries left.', 'One-time passcode');
  await look(page, 'sign-in-code-wrong');
});

test('a pasted address is accepted in common formats', async ({ page }) => {
  for (const pasted of [
    'ada\uff20example\u3002com',
    'ada\u200b@exa\u00admple.com',
    '<ada@example.com>',
    'mailto:ada@example.com?subject=Hello',
    '\u201cada@example.com\u201d',
    'ada@\uff45xample.com',
  ]) {
    await toPassword(page, pasted);
    await expect(page.getByRole('main'), pasted).toContainText('Signing in as ada@example.com');
    await page.context().clearCookies();
  }
  await toPassword(page, 'ada@b\u00fccher.example');
  await expect(page.getByRole('main')).toContainText('Signing in as ada@xn--bcher-kva.example');
  await page.context().clearCookies();
  await open(page, '/signin', 'Sign in');
  await submitEmail(page, 'j\u00f6rg@example.com');
  await expectRefusal(
    page,
    'We can’t send e-mail to an address with letters other than a to z before the @. Enter another address.',
    'E-mail address',
  );
});

test('every step shows the address and can change it', async ({ page, users }) => {
  const [first, second] = [await users.local(), await users.local()];
  await toPassword(page, first.email);
  await expect(page.getByRole('main')).toContainText(first.email);
  await button(page, 'Use a different e-mail').click();
  await arrive(page, 'Sign in');
  await submitEmail(page, second.email);
  await arrive(page, 'Enter your password');
  await expect(page.getByRole('main')).toContainText(second.email);
  await submitPassword(page, second.password);
  await arrive(page, 'Check your e-mail');
  await expect(page.getByRole('main')).toContainText(second.email);
  await button(page, 'Use a different e-mail').click();
  await arrive(page, 'Sign in');
});

test('a trusted device needs no code next time', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  await toSignInCode(page, user);
  await expect(field(page, 'Trust this device for 30 days')).not.toBeChecked();
  await field(page, 'Trust this device for 30 days').check();
  await submitCode(page, await post.code(user.email, 6));
  await arrive(page, 'Profile');
  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
  await arrive(page, 'You’re signed out');

  const codes = async () => (await post.all(user.email)).filter((message) => /#\d{6}\s*$/m.test(message.text)).length;
  const before = await codes();
  await toPassword(page, user.email);
  await submitPassword(page, user.password);
  await arrive(page, 'Profile');
  expect(await codes()).toBe(before);

  const stranger = await anotherBrowser();
  await toSignInCode(stranger, user);
});

test('sign-in redirects to the requested page on this site only', async ({ page, users, post }) => {
  const wanted: [string, string, string][] = [
    ['/signin?next=/security', '/security', 'Security'],
    ['/signin?next=//evil.example', '/profile', 'Profile'],
    ['/signin?next=https://evil.example/', '/profile', 'Profile'],
  ];
  for (const [path, end, heading] of wanted) {
    const user = await users.local();
    await toSignInCode(page, user, path);
    await submitCode(page, await post.code(user.email, 6));
    await arrive(page, heading);
    expect(new URL(page.url()).pathname).toBe(end);
    await page.context().clearCookies();
  }
});

test('the back button does not undo a sign-out', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/security', 'Security');
  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
  await arrive(page, 'You’re signed out');
  await look(page, 'signed-out');
  await expect(page.getByRole('banner').getByRole('button', { name: 'Sign out' })).toHaveCount(0);
  await page.goBack();
  await arrive(page, 'Sign in');
  await expect(page.locator('body')).not.toContainText(user.email);
  expect((await page.context().cookies()).map((cookie) => cookie.name)).not.toContain('__Host-session');
});

test('between password and code only the code step is available', async ({ page, users }) => {
  const user = await users.local();
  await toSignInCode(page, user);
  for (const path of ['/profile', '/security', '/security/password']) {
    await page.goto(path);
    await expect(page).toHaveURL(/\/signin(\?|$)/);
    await arrive(page, 'Check your e-mail');
  }
});

test('reload, back and forward send no e-mail', async ({ page, users, post }) => {
  const user = await users.local();
  await toSignInCode(page, user);
  await post.code(user.email, 6);
  const label = await referenceOf(page);
  await page.reload();
  await arrive(page, 'Check your e-mail');
  await page.reload();
  await arrive(page, 'Check your e-mail');
  await page.goto('/help');
  await arrive(page, 'Help');
  await page.goBack();
  await arrive(page, 'Check your e-mail');
  await page.goBack();
  await page.goForward();
  await open(page, '/signin', 'Check your e-mail');
  expect(await referenceOf(page)).toBe(label);
  expect(await post.all(user.email)).toHaveLength(1);
});

test('after a stranger’s guesses the passcode comes before the password', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  const stranger = await anotherBrowser();
  await toPassword(stranger, user.email);
  for (let tries = 0; tries < 5; tries += 1) {
    // The previous refusal looks the same.
    const answered = stranger.waitForResponse((response) => response.url().endsWith('/api/sign_in/password'));
    await submitPassword(stranger, `guess number ${tries}`);
    await answered;
    await expect(field(stranger, 'Password')).toHaveValue('');
    await expectRefusal(stranger, WRONG, 'Password');
  }
  await submitPassword(stranger, user.password);
  await arrive(stranger, 'Check your e-mail');
  await expect(stranger.getByRole('main')).toContainText('To continue with this address, first enter the one-time passcode that we e-mailed you.');
  await look(stranger, 'sign-in-mailbox-first');
  const strangers = await post.code(user.email, 8);

  await open(page, '/signin?next=/security', 'Sign in');
  await expect(page.getByRole('main')).toContainText('Sign in to continue.');
  await submitEmail(page, user.email);
  await arrive(page, 'Check your e-mail');
  await page.reload();
  await arrive(page, 'Check your e-mail');
  await submitCode(page, otherThan(strangers));
  await expectRefusal(page, 'You have 4 tries left.', 'One-time passcode');
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'Enter your password');
  await page.reload();
  await arrive(page, 'Enter your password');
  await submitPassword(page, 'mistyped');
  await expectRefusal(page, WRONG, 'Password');
  await expect(field(page, 'Password')).toHaveValue('');
  await submitPassword(page, user.password);
  await arrive(page, 'Security');
});
