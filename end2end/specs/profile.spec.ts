// The profile: each setting is a row with a form on its own page.
import type { Page } from '@playwright/test';
import { arrive, button, expectRefusal, field, link, open, signIn, submitCode, submitEmail, submitPassword } from '../support/journeys';
import { otherThan } from '../support/post';
import { look } from '../support/look';
import { expect, test } from '../support/test';

async function saveWithoutSession(page: Page): Promise<void> {
  await open(page, '/profile/name', 'Edit name');
  await field(page, 'Name').fill('Augusta Ada King');
  await page.context().clearCookies({ name: '__Host-session' });
  await button(page, 'Save').click();
  await arrive(page, 'Sign in');
}

test('names are changed, and the focus returns to the row', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/profile', 'Profile');
  const place = page.getByRole('navigation', { name: 'Your account' }).getByRole('link', { name: 'Profile' });
  await expect(place).toHaveAttribute('aria-current', 'page');
  await look(page, 'profile');
  await link(page, 'Edit name').click();
  await arrive(page, 'Edit name');
  await expect(field(page, 'Name')).toHaveValue(user.name);
  await expect(place).toHaveAttribute('aria-current', 'true');
  await look(page, 'profile-name');
  await field(page, 'Name').fill('  Augusta   Ada King ');
  await button(page, 'Save').click();
  await arrive(page, 'Profile');
  await expect(page.getByRole('status')).toContainText('Saved.');
  await expect(page.getByRole('main')).toContainText('Augusta Ada King');
  await expect(link(page, 'Edit name')).toBeFocused();

  await link(page, 'Add preferred name').click();
  await arrive(page, 'Edit preferred name');
  await look(page, 'profile-preferred-name');
  await field(page, 'Preferred name').fill('Countess');
  await field(page, 'Preferred name').press('Enter');
  await arrive(page, 'Profile');
  await expect(link(page, 'Edit preferred name')).toBeFocused();
  await expect(page.getByRole('listitem').filter({ hasText: 'Preferred name' })).toContainText('Countess');
  await page.reload();
  await expect(page.getByRole('status')).not.toContainText('Saved.');

  for (const [add, edit, label, value] of [
    ['Add job title', 'Edit job title', 'Job title', 'Analyst'],
    ['Add organization', 'Edit organization', 'Organization', 'Engines & Co'],
  ] as const) {
    await link(page, add).click();
    await arrive(page, edit);
    await field(page, label).fill(value);
    await button(page, 'Save').click();
    await arrive(page, 'Profile');
    await expect(link(page, edit)).toBeFocused();
    await expect(page.getByRole('listitem').filter({ hasText: label })).toContainText(value);
  }
});

test('a refused name is kept in its field', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/profile/name', 'Edit name');
  await field(page, 'Name').fill('www.evil.example');
  await button(page, 'Save').click();
  await expectRefusal(page, 'Use at most 100 characters.', 'Name');
  await expect(field(page, 'Name')).toHaveValue('www.evil.example');
  await look(page, 'profile-name-refused');
  await link(page, 'Cancel').click();
  await arrive(page, 'Profile');
  await expect(page.getByRole('main')).toContainText(user.name);
});

test('after the end of the session, what was typed is still there', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await saveWithoutSession(page);
  await submitEmail(page, user.email);
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  const code = await post.code(user.email, 6);
  // A refusal on the way.
  await submitCode(page, otherThan(code));
  await expectRefusal(page, /./, 'One-time passcode');
  await submitCode(page, code);
  await arrive(page, 'Edit name');
  await expect(field(page, 'Name')).toHaveValue('Augusta Ada King');
  await button(page, 'Save').click();
  await arrive(page, 'Profile');
  await expect(page.getByRole('main')).toContainText('Augusta Ada King');
});

test('what one user typed is not shown to the next', async ({ page, users, post }) => {
  const [user, next] = [await users.local(), await users.local()];
  await signIn(page, user, post);
  await saveWithoutSession(page);
  await submitEmail(page, next.email);
  await submitPassword(page, next.password);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(next.email, 6));
  await arrive(page, 'Edit name');
  await expect(field(page, 'Name')).toHaveValue(next.name);
});
