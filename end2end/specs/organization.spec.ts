// An organization's administrator invites a member, who joins; then the member is deactivated, reactivated and removed.
import type { Page } from '@playwright/test';
import { arrive, button, field, link, open, signIn, submitCode, submitEmail, submitPassword } from '../support/journeys';
import { look } from '../support/look';
import { ADMINISTRATOR, type User } from '../support/users';
import type { Post } from '../support/post';
import { expect, test } from '../support/test';

test('a member is invited, joins, and is deactivated, reactivated and removed', async ({ page, anotherBrowser, users, post, service }) => {
  const domain = `engines${process.pid}.example`;
  const organization = `Engines ${domain}`;
  const admin = await users.local({ domain });
  const member = await users.local({ domain });
  await signIn(page, admin, post);
  await service.run(['org', 'add', organization, '--administrator-name', ADMINISTRATOR.name, '--administrator-email', ADMINISTRATOR.email]);
  await service.run(['org', 'domain', organization, 'trust', domain]);
  await service.run(['org', 'admin', organization, 'add', admin.email, '--yes']);
  await signInWithCode(page, admin, post);

  await page.getByRole('navigation', { name: 'Your account' }).getByRole('link', { name: 'Organization' }).click();
  await arrive(page, organization);
  await look(page, 'organization');
  await field(page, 'E-mail address').fill(member.email);
  await button(page, 'Send invitation').click();
  await expect(page.getByRole('status')).toContainText('The invitation was sent.');
  const message = await post.email(member.email, (message) => message.subject.includes('invites you'), 'an invitation');
  expect(message.text).toContain(organization);

  const theirs = await anotherBrowser();
  await signInAtDomain(theirs, member, post);
  await open(theirs, '/security', 'Security');
  await link(theirs, 'View invitation').click();
  await arrive(theirs, `Join ${organization}?`);
  await look(theirs, 'organization-join');
  await button(theirs, 'Join').click();
  await arrive(theirs, 'Security');
  await expect(theirs.getByRole('main')).toContainText(`Your account is managed by ${organization}`);

  await open(page, '/organization', organization);
  await button(page, `Deactivate ${member.email}`).click();
  await expect(page.getByRole('status')).toContainText('The member is deactivated');
  await theirs.goto('/security');
  await arrive(theirs, 'Sign in');
  await button(page, `Reactivate ${member.email}`).click();
  await expect(page.getByRole('status')).toContainText('active again');
  await button(page, `Remove ${member.email}`).click();
  await expect(page.getByRole('status')).toContainText('The member was removed');
  await expect(button(page, `Remove ${member.email}`)).toHaveCount(0);
});

test('the page is not found for users who administer nothing', async ({ page, users, post, watch }) => {
  watch.allow(/status of 404/);
  const user = await users.local();
  await signIn(page, user, post);
  await expect(page.getByRole('navigation', { name: 'Your account' }).getByRole('link', { name: 'Organization' })).toHaveCount(0);
  const answer = await page.goto('/organization');
  expect(answer?.status()).toBe(404);
  expect((await page.request.get('/organization/members.csv')).status()).toBe(404);
});

/** A managed account without a provider signs in with a passcode only. */
async function signInWithCode(page: Page, user: User, post: Post): Promise<void> {
  await open(page, '/signin', 'Sign in');
  await submitEmail(page, user.email);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'Profile');
}

/** An account at an organization's domain that it doesn't manage: passcode, then password. */
async function signInAtDomain(page: Page, user: User, post: Post): Promise<void> {
  await open(page, '/signin', 'Sign in');
  await submitEmail(page, user.email);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'Enter your password');
  await submitPassword(page, user.password);
  await arrive(page, 'Profile');
}
