// The article's note: an account without an option to edit its password is managed by its organization.
import { arrive, open, signIn } from '../support/journeys';
import { look } from '../support/look';
import { ADMINISTRATOR, NEW_PASSWORD, ORGANIZATION } from '../support/users';
import { expect, test } from '../support/test';
import type { Page } from '@playwright/test';

test('a managed account shows its organization and no edit button', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await users.becomeManaged(user);
  await open(page, '/security', 'Security');
  const main = page.getByRole('main');
  await expect(main).toContainText(`Your account is managed by ${ORGANIZATION}`);
  await expect(main).toContainText(ADMINISTRATOR.name);
  await expect(main).toContainText(ADMINISTRATOR.email);
  await look(page, 'security-managed');

  const source = await (await page.request.get('/security')).text();
  expect(source).toContain(ORGANIZATION);
  expect(source).not.toContain('/security/password');
  expect(source).not.toContain('type="password"');

  await page.goto('/security/password');
  await expect(page.locator('input[type=password]')).toHaveCount(0);
  await expect(page.locator('body')).toContainText(ORGANIZATION);
  expect(await status(page, user.password)).toBe(403);
});

test('a Google account links to Google', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await users.becomeGoogles(user);
  await open(page, '/security', 'Security');
  const main = page.getByRole('main');
  await expect(main).toContainText('Google manages your password');
  await expect(main.getByRole('link', { name: 'Go to your Google account' })).toHaveAttribute('href', /^https:\/\/myaccount\.google\.com\//);
  await expect(page.locator('a[href="/security/password"], input[type=password]')).toHaveCount(0);
  await look(page, 'security-google');
  expect(await status(page, user.password)).toBe(403);
  await arrive(page, 'Security');
});

/** The status of a password change sent without the page. */
async function status(page: Page, current: string): Promise<number> {
  const origin = new URL(page.url()).origin;
  const answer = await page.request.post('/api/security/change_password', {
    form: { current, password: NEW_PASSWORD, again: NEW_PASSWORD },
    headers: { Origin: origin, Accept: 'application/json' },
  });
  return answer.status();
}
