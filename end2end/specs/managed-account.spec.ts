// The article's note: an account without an option to edit its password is managed by its organization.
import { arrive, button, expectRefusal, field, link, open, signIn, submitCode, submitEmail, submitPassword } from '../support/journeys';
import { look } from '../support/look';
import { atProvider } from '../support/providers';
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

  // Nor an address to change.
  await open(page, '/profile', 'Profile');
  await expect(main).toContainText(`Managed by ${ORGANIZATION}`);
  await expect(link(page, 'Edit e-mail address')).toHaveCount(0);
  await expect(link(page, 'Add job title')).toHaveCount(0);
  await page.goto('/profile/email');
  await expect(page.locator('input[type=email]')).toHaveCount(0);
  await expect(page.locator('body')).toContainText(ORGANIZATION);
});

test('a member signs in through the organization', async ({ page, users }) => {
  const user = await users.member();
  await open(page, '/signin', 'Sign in');
  await submitEmail(page, user.email);
  await arrive(page, 'Sign in through your organization');
  await look(page, 'through');
  await link(page, 'Continue with Analytical Engines').click();
  await atProvider(page, user.email);
  await arrive(page, 'Profile');
  await expect(page.getByRole('main')).toContainText(`Managed by ${ORGANIZATION}`);
  await open(page, '/security', 'Security');
  const source = await (await page.request.get('/security')).text();
  expect(source).toContain(ADMINISTRATOR.email);
  expect(source).not.toContain('/security/password');
  expect(await status(page, user.password)).toBe(403);
});

test('an address of the organization cannot sign up or continue with Google', async ({ page, users }) => {
  const user = await users.member();
  await open(page, '/signup', 'Create an account');
  await submitEmail(page, user.email);
  await expectRefusal(page, `${ORGANIZATION} manages accounts with this e-mail address.`);
  await open(page, '/signin', 'Sign in');
  await link(page, 'Continue with Google').click();
  await atProvider(page, user.email);
  await arrive(page, 'Sign in');
  await expectRefusal(page, `${ORGANIZATION} manages accounts with this e-mail address.`);
});

test('an account that the organization does not manage signs in with its password', async ({ page, users, post }) => {
  await users.member();
  const user = await users.local({ domain: 'engines.example' });
  await open(page, '/signin', 'Sign in');
  await submitEmail(page, user.email);
  await arrive(page, 'Sign in through your organization');
  await page.getByText('Sign in with a password instead').click();
  await look(page, 'through-own');
  await field(page, 'E-mail address').fill(user.email);
  await button(page, 'Next').click();
  await arrive(page, 'Enter your password');
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 6));
  await arrive(page, 'Profile');
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
