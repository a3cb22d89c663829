// The privacy of a user: the file with their data, all activity, and the deletion of the account.
import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import type { Download, Page } from '@playwright/test';
import { arrive, button, expectRefusal, field, link, open, signIn, submitCode, submitEmail, submitPassword, toSignInCode } from '../support/journeys';
import { look } from '../support/look';
import { expect, test } from '../support/test';
import { ADMINISTRATOR, ORGANIZATION } from '../support/users';

/** Reads the files of a zip file by its central directory. */
function unzip(bytes: Buffer): Map<string, string> {
  const files = new Map<string, string>();
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06'));
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [size, name, extra, comment, start] = [
      bytes.readUInt32LE(at + 20),
      bytes.readUInt16LE(at + 28),
      bytes.readUInt16LE(at + 30),
      bytes.readUInt16LE(at + 32),
      bytes.readUInt32LE(at + 42),
    ];
    const data = start + 30 + bytes.readUInt16LE(start + 26) + bytes.readUInt16LE(start + 28);
    files.set(bytes.toString('utf8', at + 46, at + 46 + name), inflateRawSync(bytes.subarray(data, data + size)).toString());
    at += 46 + name + extra + comment;
  }
  return files;
}

async function downloaded(page: Page, name: string): Promise<Download> {
  const [download] = await Promise.all([page.waitForEvent('download'), button(page, name).click()]);
  return download;
}

test('a user downloads their data in one click', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/profile', 'Profile');
  await page.getByRole('navigation', { name: 'Your account' }).getByRole('link', { name: 'Privacy' }).click();
  await arrive(page, 'Privacy');
  await look(page, 'your-data');
  const download = await downloaded(page, 'Download my data');
  expect(download.suggestedFilename()).toBe('account-data.zip');
  const files = unzip(readFileSync(await download.path()));
  expect([...files.keys()]).toEqual(['data.html', 'data.json']);
  const data = JSON.parse(files.get('data.json') ?? '');
  expect(data).toMatchObject({ format: 'rekey-account-data-1', account: { email: user.email, name: user.name } });
  expect(data.sessions).toHaveLength(1);
  expect(data.activity.map((event: { kind: string }) => event.kind)).toContain('data_downloaded');
  const html = files.get('data.html') ?? '';
  expect(html).toContain(user.email);
  expect(html).toContain('Account data downloaded');
  await post.email(user.email, (message) => /^Your .* data was downloaded$/.test(message.subject), 'the notice');
});

test('all activity says what it means, and is downloaded as a table', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/account/privacy', 'Privacy');
  await link(page, 'See all activity').click();
  await arrive(page, 'Activity');
  await expect(page.getByRole('main')).toContainText('If this wasn’t you, secure your account.');
  await look(page, 'activity');
  const download = await downloaded(page, 'Download as a table (CSV)');
  expect(download.suggestedFilename()).toBe('activity.csv');
  const lines = readFileSync(await download.path(), 'utf8').split('\r\n');
  expect(lines[0]).toBe('time,event,code,by,device,network');
  expect(lines[1]).toContain(',Signed in,signed_in,user,');
});

test('a deleted account waits, and is kept by its owner', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/account/privacy', 'Privacy');
  await link(page, 'Delete account …').click();
  await arrive(page, 'Delete your account');
  await expect(page.getByRole('main')).toContainText(user.email);
  await look(page, 'delete-account');
  await button(page, 'Delete my account').click();
  await arrive(page, 'Your account is waiting to be deleted');
  await look(page, 'signed-out-leaving');
  await post.email(user.email, (message) => /account will be deleted$/.test(message.subject), 'the notice');
  await page.goto('/security');
  await arrive(page, 'Sign in');
  await submitEmail(page, user.email);
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 6));
  await arrive(page, 'Your account will be deleted');
  await look(page, 'deletion');
  await expect(page.getByRole('navigation', { name: 'Your account' })).toHaveCount(0);
  // Nothing else before the choice.
  for (const path of ['/', '/profile', '/security', '/security/password']) {
    await page.goto(path);
    await arrive(page, 'Your account will be deleted');
  }
  await button(page, 'Keep my account').click();
  await expect(page).toHaveURL(/\/security\/password$/);
  await open(page, '/account/privacy', 'Privacy');
});

test('an owner who leaves again signs out', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/account/privacy/delete', 'Delete your account');
  await button(page, 'Delete my account').click();
  await arrive(page, 'Your account is waiting to be deleted');
  await toSignInCode(page, user);
  await submitCode(page, await post.code(user.email, 6));
  await arrive(page, 'Your account will be deleted');
  await button(page, 'Sign out').click();
  await arrive(page, 'You’re signed out');
});

test('a managed account is deleted by its administrator', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/account/privacy/delete', 'Delete your account');
  await users.becomeManaged(user);
  await button(page, 'Delete my account').click();
  await expectRefusal(page, `Your account is managed by ${ORGANIZATION}.`);
  await expect(button(page, 'Delete my account')).toHaveCount(0);
  await open(page, '/account/privacy', 'Privacy');
  await expect(page.getByRole('main')).toContainText(ADMINISTRATOR.email);
  await expect(link(page, 'Delete account …')).toHaveCount(0);
});

test('after ten minutes, the data needs a new proof', async ({ page, users, post, service }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/account/privacy', 'Privacy');
  await service.sql(`UPDATE sessions SET authenticated_at = authenticated_at - 700000 WHERE account_id = (SELECT id FROM accounts WHERE email = '${user.email}');`);
  await button(page, 'Download my data').click();
  await arrive(page, 'Confirm that it’s you');
  await field(page, 'Current password').fill(user.password);
  await button(page, 'Continue').click();
  await arrive(page, 'Privacy');
  expect((await downloaded(page, 'Download my data')).suggestedFilename()).toBe('account-data.zip');
});
