// The list of signed-in browsers, and ending their sessions.
import { arrive, button, expectRefusal, field, open, signIn, submitPassword, toNewPassword, toPassword, WRONG } from '../support/journeys';
import { look } from '../support/look';
import { NEW_PASSWORD } from '../support/users';
import { expect, test } from '../support/test';
import type { Page } from '@playwright/test';

function signedInDevices(page: Page) {
  return page.getByRole('region', { name: 'Signed-in devices' }).getByRole('listitem');
}

async function isSignedOut(page: Page): Promise<void> {
  await page.goto('/security');
  await arrive(page, 'Sign in');
}

test('signed-in devices are listed, and other devices can be signed out', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  const other = await anotherBrowser();
  await signIn(other, user, post);
  await signIn(page, user, post);
  await open(page, '/security', 'Security');
  await expect(signedInDevices(page)).toHaveCount(2);
  await expect(signedInDevices(page).filter({ hasText: 'This device' })).toHaveCount(1);
  await expect(signedInDevices(page).first()).toContainText('Chrom');
  await look(page, 'security-sessions');

  const elsewhere = signedInDevices(page).filter({ hasNotText: 'This device' });
  await elsewhere.getByRole('button', { name: /^Sign out/ }).click();
  await expect(signedInDevices(page)).toHaveCount(1);
  await expect(page.getByRole('status').filter({ hasText: 'The device is signed out.' })).toBeVisible();
  await isSignedOut(other);
  await open(page, '/profile', 'Profile');
});

test('one button signs out all other devices', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  const others = [await anotherBrowser(), await anotherBrowser()];
  for (const other of others) await signIn(other, user, post);
  await signIn(page, user, post);
  await open(page, '/security', 'Security');
  await expect(signedInDevices(page)).toHaveCount(3);
  await button(page, 'Sign out everywhere else').click();
  await expect(signedInDevices(page)).toHaveCount(1);
  for (const other of others) await isSignedOut(other);
  await open(page, '/profile', 'Profile');
});

test('this device can sign itself out', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/security', 'Security');
  await signedInDevices(page).getByRole('button', { name: /^Sign out/ }).click();
  await arrive(page, 'You’re signed out');
  await isSignedOut(page);
});

test('a trusted device is listed and can be forgotten', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post, { trust: true });
  await open(page, '/security', 'Security');
  const trusted = page.getByRole('region', { name: 'Trusted devices' });
  await trusted.getByRole('button', { name: /^Stop trusting/ }).click();
  await expect(trusted).toContainText('You have no trusted devices.');

  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
  await arrive(page, 'You’re signed out');
  await signIn(page, user, post);
});

test('a reset ends every session and removes every trusted device', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  const other = await anotherBrowser();
  await signIn(other, user, post, { trust: true });

  await toNewPassword(page, user.email, post);
  await field(page, 'New password').fill(NEW_PASSWORD);
  await field(page, 'Confirm new password').fill(NEW_PASSWORD);
  await button(page, 'Reset password').click();
  await arrive(page, 'Your password has been reset');

  await isSignedOut(other);
  // No longer trusted: a code is required.
  await signIn(other, { ...user, password: NEW_PASSWORD }, post);
});

test('actions are listed, and failed attempts are summarized', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  const stranger = await anotherBrowser();
  await toPassword(stranger, user.email);
  for (let n = 0; n < 2; n += 1) {
    await submitPassword(stranger, 'not the password at all');
    await expectRefusal(stranger, WRONG);
  }
  await signIn(page, user, post);
  await open(page, '/security', 'Security');
  const activity = page.getByRole('region', { name: 'Recent activity' });
  await expect(activity.getByRole('listitem')).toHaveCount(2);
  await expect(activity).toContainText('Signed in');
  await expect(activity).toContainText('2 failed attempts since');
  await look(page, 'security-attempts');
});

test('older activity is paginated', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post, { trust: true });
  const send = async (path: string, form: Record<string, string> = {}) => {
    const origin = new URL(page.url()).origin;
    const headers = { Origin: origin, 'Sec-Fetch-Site': 'same-origin', Accept: 'text/html' };
    const answer = await page.request.post(`${origin}/api/sign_in/${path}`, { form, headers, maxRedirects: 0 });
    expect(answer.status()).toBe(303);
  };
  for (let n = 0; n < 10; n += 1) {
    await send('sign_out');
    await send('begin', { email: user.email, next: '' });
    await send('password', { password: user.password });
  }
  await open(page, '/security', 'Security');
  const activity = page.getByRole('region', { name: 'Recent activity' });
  await expect(activity.getByRole('listitem')).toHaveCount(20);
  await activity.getByRole('link', { name: 'Older activity' }).click();
  await expect(activity.getByRole('listitem')).toHaveCount(2);
  await expect(activity.getByRole('link', { name: 'Older activity' })).toHaveCount(0);
  await expect(activity).toContainText('Signed in');
  await activity.getByRole('link', { name: 'Latest activity' }).click();
  await expect(activity.getByRole('listitem')).toHaveCount(20);
});
