// Apache signs users in with the configuration in docs/products.md. It is the same in every mode, so it runs once.
import type { Page } from '@playwright/test';
import type { Apache } from '../support/apache';
import {
  arrive,
  link,
  submitCode,
  submitEmail,
  submitNewPassword,
  submitPassword,
  toNewPassword,
} from '../support/journeys';
import { mode } from '../support/mode';
import type { Post } from '../support/post';
import { expect, test } from '../support/test';
import { NEW_PASSWORD, type User } from '../support/users';

test.beforeEach(() => test.skip(mode() !== 'scripts', 'runs once'));

test('a page behind Apache opens until a reset or a sign-out', async ({
  page,
  users,
  post,
  service,
  watch,
  anotherBrowser,
}) => {
  const [user, { apache }] = [await users.local(), service];
  watch.allow(new RegExp(`^asked for ${apache.origin}/`));
  await apache.start(service.origin);
  try {
    await test.step('1. Sign in, and see the page', async () => {
      await signInAt(apache, page, user, post);
      await expect(page.getByText('Account: ')).toHaveText(/^Account: [0-9a-f-]{32,36}$/);
      await expect(page.getByText('Header: ')).toHaveText('Header: the same');
    });

    await test.step('2. A reset in another browser ends the session at Apache', async () => {
      const other = await anotherBrowser();
      await toNewPassword(other, user.email, post);
      await submitNewPassword(other, NEW_PASSWORD);
      await arrive(other, 'Your password has been reset');
      const isSignedOut = async () => {
        await page.goto(apache.origin);
        return page.url().startsWith(`${service.origin}/signin`);
      };
      await expect.poll(isSignedOut, { message: 'Apache ends its session', intervals: [100, 250] }).toBe(true);
    });

    await test.step('3. Sign-out at Apache ends the session at the service, too', async () => {
      await signInAt(apache, page, { ...user, password: NEW_PASSWORD }, post);
      await link(page, 'Sign out').click();
      // Back at Apache, which asks for a new sign-in.
      await arrive(page, 'Sign in');
      await expect(page.getByRole('main')).toContainText('to continue to Wiki');
      await page.goto('/profile');
      await arrive(page, 'Sign in');
    });
  } finally {
    await apache.stop();
  }
});

async function signInAt(apache: Apache, page: Page, user: User, post: Post): Promise<void> {
  await page.goto(apache.origin);
  await arrive(page, 'Sign in');
  await expect(page.getByRole('main')).toContainText('to continue to Wiki');
  await submitEmail(page, user.email);
  await arrive(page, 'Enter your password');
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 6));
  await expect(page.getByRole('main')).toContainText(`You’re signed in as ${user.email}.`);
  expect(page.url()).toBe(`${apache.origin}/`);
}
