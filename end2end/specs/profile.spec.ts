// The profile: each setting is a row with a form on its own page.
import { arrive, button, expectRefusal, field, link, open, signIn, submitCode, submitEmail, submitPassword } from '../support/journeys';
import { look } from '../support/look';
import { ORGANIZATION } from '../support/users';
import { expect, test } from '../support/test';

test('names are changed, and the focus returns to the row', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/profile', 'Profile');
  await look(page, 'profile');
  await link(page, 'Edit name').click();
  await arrive(page, 'Name');
  await expect(field(page, 'Name')).toHaveValue(user.name);
  await look(page, 'profile-name');
  await field(page, 'Name').fill('  Augusta   Ada King ');
  await button(page, 'Save').click();
  await arrive(page, 'Profile');
  await expect(page.getByRole('status')).toContainText('Saved.');
  await expect(page.getByRole('main')).toContainText('Augusta Ada King');
  await expect(link(page, 'Edit name')).toBeFocused();

  await link(page, 'Edit preferred name').click();
  await arrive(page, 'Preferred name');
  await look(page, 'profile-preferred-name');
  await field(page, 'Preferred name').fill('Countess');
  await field(page, 'Preferred name').press('Enter');
  await arrive(page, 'Profile');
  await expect(link(page, 'Edit preferred name')).toBeFocused();
  await expect(page.getByRole('listitem').filter({ hasText: 'Preferred name' })).toContainText('Countess');
  await page.reload();
  await expect(page.getByRole('status')).not.toContainText('Saved.');
});

test('a refused name is kept in its field', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/profile/name', 'Name');
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
  await open(page, '/profile/name', 'Name');
  await field(page, 'Name').fill('Augusta Ada King');
  await page.context().clearCookies({ name: '__Host-session' });
  await button(page, 'Save').click();
  await arrive(page, 'Sign in');
  await submitEmail(page, user.email);
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 6));
  await arrive(page, 'Name');
  await expect(field(page, 'Name')).toHaveValue('Augusta Ada King');
  await button(page, 'Save').click();
  await arrive(page, 'Profile');
  await expect(page.getByRole('main')).toContainText('Augusta Ada King');
});

test('an organization administers the name of its member', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/profile/name', 'Name');
  await users.becomeManaged(user);
  await field(page, 'Name').fill('Charles Babbage');
  await button(page, 'Save').click();
  const summary = page.getByRole('alert').filter({ hasText: 'There is a problem' });
  await expect(summary).toContainText(`Your account is managed by ${ORGANIZATION}. Ask your administrator there.`);
  await expect(field(page, 'Name')).toHaveCount(0);
  await look(page, 'profile-name-managed');
  await link(page, 'Back to your profile').click();
  await arrive(page, 'Profile');
  await expect(page.getByRole('main')).toContainText(`Administered by ${ORGANIZATION}`);
  await expect(link(page, 'Edit name')).toHaveCount(0);
});
