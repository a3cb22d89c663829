// "Change your password": the article's five steps, and its note on managed accounts.
import { arrive, button, expectRefusal, field, link, open, signIn, submitPassword, toPassword } from '../support/journeys';
import { look } from '../support/look';
import { NEW_PASSWORD } from '../support/users';
import { SENDER_NOTICES } from '../support/service';
import { expect, test } from '../support/test';
import type { Page } from '@playwright/test';

async function change(page: Page, current: string, password: string, again = password): Promise<void> {
  await field(page, 'Current password').fill(current);
  await field(page, 'New password').fill(password);
  await field(page, 'Confirm new password').fill(again);
  await button(page, 'Save').click();
}

test('a password is changed in five steps', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  const elsewhere = await anotherBrowser();
  await signIn(elsewhere, user, post);

  await test.step('1. Sign in to your account at /security', async () => {
    await signIn(page, user, post);
    await open(page, '/security', 'Security');
    await look(page, 'security');
  });

  await test.step('2. Select the Edit icon next to password', async () => {
    const edit = link(page, 'Edit password');
    await expect(edit).toContainText('Edit');
    await edit.click();
    await arrive(page, 'Change password');
    const place = page.getByRole('navigation', { name: 'Your account' }).getByRole('link', { name: 'Security' });
    await expect(place).toHaveAttribute('aria-current', 'true');
    await expect(field(page, 'Sign out everywhere else')).toBeChecked();
    await look(page, 'change-password');
  });

  await test.step('3. Enter your current password once', async () => {
    await expect(field(page, 'Current password')).toHaveCount(1);
    await field(page, 'Current password').fill(user.password);
  });

  await test.step('4. Enter your new password twice', async () => {
    await field(page, 'New password').fill(NEW_PASSWORD);
    await field(page, 'Confirm new password').fill(NEW_PASSWORD);
  });

  const before = await sessionCookie(page);
  await test.step('5. Select Save', async () => {
    await button(page, 'Save').click();
    await arrive(page, 'Security');
    await expect(page.getByRole('status').filter({ hasText: 'Password changed' })).toBeVisible();
    await look(page, 'security-changed');
  });

  await test.step('This device stays signed in with a new token; the others are signed out; the owner gets a notice', async () => {
    expect(await sessionCookie(page)).not.toBe(before);
    await open(page, '/profile', 'Profile');
    await elsewhere.goto('/security');
    await arrive(elsewhere, 'Sign in');
    const notice = await post.email(user.email, (message) => /password/i.test(message.subject), 'a notice of the change');
    expect(notice.from).toContain(SENDER_NOTICES);
  });

  await test.step('Only the new password signs in', async () => {
    await toPassword(elsewhere, user.email);
    await submitPassword(elsewhere, user.password);
    await expect(elsewhere.getByRole('alert')).toContainText('don’t match');
    await submitPassword(elsewhere, NEW_PASSWORD);
    await arrive(elsewhere, 'Check your e-mail');
  });
});

test('other devices stay signed in if the checkbox is cleared', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  const elsewhere = await anotherBrowser();
  await signIn(elsewhere, user, post);
  await signIn(page, user, post);
  await open(page, '/security/password', 'Change password');
  await field(page, 'Sign out everywhere else').uncheck();
  await change(page, user.password, NEW_PASSWORD);
  await arrive(page, 'Security');
  await open(elsewhere, '/profile', 'Profile');
});

test('errors are shown next to the field, and nothing changes', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/security/password', 'Change password');

  await change(page, '', '');
  await expectRefusal(page, 'Enter your current password.', 'Current password');
  await change(page, 'not the password now', NEW_PASSWORD);
  await expectRefusal(page, 'That’s not your current password.', 'Current password');
  await look(page, 'change-password-refused');
  await change(page, user.password, NEW_PASSWORD, `${NEW_PASSWORD}s`);
  await expectRefusal(page, 'The passwords don’t match.', 'Confirm new password');
  await change(page, user.password, 'short');
  await expectRefusal(page, 'Use at least 15 characters. This password has 5.', 'New password');
  await change(page, user.password, user.password);
  await expectRefusal(page, 'That’s your current password. Choose a new one.', 'New password');

  await change(page, user.password, NEW_PASSWORD);
  await arrive(page, 'Security');
});

test('a signed-out user is redirected to sign-in and back', async ({ page, users, post }) => {
  const user = await users.local();
  await page.goto('/security/password');
  await arrive(page, 'Sign in');
  await field(page, 'E-mail address').fill(user.email);
  await button(page, 'Next').click();
  await arrive(page, 'Enter your password');
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  await field(page, 'One-time passcode').fill(await post.code(user.email, 6));
  await button(page, 'Next').click();
  await arrive(page, 'Change password');
});

async function sessionCookie(page: Page): Promise<string | undefined> {
  return (await page.context().cookies()).find((cookie) => cookie.name === '__Host-session')?.value;
}
