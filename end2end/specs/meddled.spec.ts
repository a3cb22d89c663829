// The page keeps working when other software changes it: password managers, ad blockers, translators, proxies.
import type { Page } from '@playwright/test';
import { button, field } from '../support/journeys';
import { keepPace, POSITIONS, test, type Pace } from '../support/meddled';
import { mode } from '../support/mode';
import { NEW_PASSWORD, type User } from '../support/users';
import { otherThan, type Post } from '../support/post';
import { expect } from '../support/test';

test.describe.configure({ timeout: 240_000 });

/** Drives one page as one account. */
class Walk {
  constructor(
    readonly page: Page,
    private readonly post: Post,
    private readonly pace: Pace,
  ) {}

  async open(path: string, heading: string): Promise<void> {
    await this.page.goto(path);
    await this.at(heading);
  }

  /** Expects the step's page, and nothing from another step. */
  async at(heading: string): Promise<void> {
    const headings = this.page.getByRole('heading', { level: 1 });
    await expect(headings).toHaveText([heading]);
    await expect(this.page).toHaveTitle(new RegExp(`^${heading} `));
    await keepPace(this.page, this.pace);
    await expect(headings).toHaveText([heading]);
  }

  async send(typed: Record<string, string>, name: string): Promise<void> {
    for (const [label, text] of Object.entries(typed)) await field(this.page, label).fill(text);
    await button(this.page, name).click();
  }

  async signIn({ email, password }: User): Promise<void> {
    await this.open('/signin', 'Sign in');
    await this.send({ 'E-mail address': email }, 'Next');
    await this.at('Enter your password');
    await this.send({ Password: password }, 'Sign in');
    await this.at('Check your e-mail');
    await this.send({ 'One-time passcode': await this.post.code(email, 6) }, 'Next');
    await this.at('Profile');
  }

  async reset({ email }: User): Promise<void> {
    await this.open('/reset', 'Reset your password');
    await this.send({ 'E-mail address': email }, 'Next');
    await this.at('Check your e-mail');
    await this.send({ 'One-time passcode': await this.post.code(email, 8) }, 'Next');
    await this.at('Choose a new password');
    await this.send({ 'New password': NEW_PASSWORD, 'Confirm new password': NEW_PASSWORD }, 'Reset password');
    await this.at('Your password has been reset');
  }

  async signUp({ email, name, password }: User): Promise<void> {
    await this.open('/signup', 'Create an account');
    await this.send({ 'E-mail address': email }, 'Next');
    await this.at('Check your e-mail');
    await this.send({ 'One-time passcode': await this.post.code(email, 8) }, 'Next');
    await this.at('Your name and password');
    await this.send({ Name: name, 'New password': password, 'Confirm new password': password }, 'Create account');
    await this.at('Your account is ready');
  }

  async change({ password }: User): Promise<void> {
    await this.open('/security/password', 'Change password');
    const typed = { 'Current password': password, 'New password': NEW_PASSWORD, 'Confirm new password': NEW_PASSWORD };
    await this.send(typed, 'Save');
    await this.at('Security');
    await expect(this.page.getByRole('status')).toHaveText(/password/i);
  }
}

/** Skips a case that repeats another one without the app. */
function skipWithoutApp(differs: boolean): void {
  test.skip(differs && mode() !== 'scripts', 'same as another case without the app');
}

/** Positions in groups of `size`, or all in one group without the app. */
function sets(when: string, size: number): string[][] {
  const orders = POSITIONS.map((position) => position + when);
  const sets: string[][] = [];
  while (orders.length > 0) sets.push(orders.splice(0, mode() === 'scripts' ? size : orders.length));
  return sets;
}

for (const [when, pace, size] of [
  ['@start', 'with the app', 1],
  ['@end', 'at once', 4],
  ['@after', 'with the app', 3],
] as [string, Pace, number][]) {
  test(`elements of a password manager, ${when.slice(1)}, ${pace}: sign-in and change`, async ({ meddled, meddle, users, post }) => {
    skipWithoutApp(when !== '@start');
    for (const orders of sets(when, size)) {
      await test.step(orders.join(' '), async () => {
        const user = await users.local();
        await meddle(...orders);
        const walk = new Walk(await meddled.newPage(), post, pace);
        await walk.signIn(user);
        await walk.change(user);
        await walk.page.close();
      });
    }
  });

  test(`elements of a password manager, ${when.slice(1)}, ${pace}: reset and sign-up`, async ({ meddled, meddle, users, post }) => {
    skipWithoutApp(when !== '@start');
    for (const orders of sets(when, size)) {
      await test.step(orders.join(' '), async () => {
        const user = await users.local();
        await meddle(...orders);
        const walk = new Walk(await meddled.newPage(), post, pace);
        await walk.reset(user);
        await walk.signUp(users.unregistered());
        await walk.page.close();
      });
    }
  });
}

for (const orders of [['comments@start'], ['comments@after'], ['addresses@start'], ['addresses@after'], ['fonts@start'], ['fonts@after', 'p2@start']]) {
  for (const pace of ['at once', 'with the app'] as const) {
    test(`${orders.join(' and ')}, ${pace}: every step, count and error is current`, async ({ meddled, meddle, users, post }) => {
      skipWithoutApp(pace === 'with the app');
      const user = await users.local();
      await meddle(...orders);
      const walk = new Walk(await meddled.newPage(), post, pace);
      const { page } = walk;
      await walk.open('/reset', 'Reset your password');
      await walk.send({ 'E-mail address': 'robin.example.com' }, 'Next');
      await expect(page.getByRole('alert')).toContainText('Enter an e-mail address like');
      await keepPace(page, pace);
      await walk.send({ 'E-mail address': user.email }, 'Next');
      await walk.at('Check your e-mail');
      await expect(page.getByRole('alert')).toHaveCount(0);
      const code = await post.code(user.email, 8);
      for (const left of [4, 3, 2]) {
        await walk.send({ 'One-time passcode': otherThan(code, left) }, 'Next');
        const tries = page.getByRole('alert').getByText(/You have \d tries left/);
        await expect(tries).toHaveText([new RegExp(`You have ${left} tries left\\.`)]);
        await keepPace(page, pace);
      }
      await walk.send({ 'One-time passcode': code }, 'Next');
      await walk.at('Choose a new password');
      await expect(page.getByRole('alert')).toHaveCount(0);
      // Another page of the app: a different URL loads a new page.
      await page.goto('/signin');
      await walk.at('Sign in');
      await page.getByRole('link', { name: 'Create an account' }).click();
      await expect(page).toHaveURL(/\/signup$/);
      await walk.at('Create an account');
      await page.goBack();
      await walk.at('Sign in');
      await meddled.clearCookies({ name: /^(?!meddle$)/ });
      await walk.signUp(users.unregistered());
      const other = await users.local();
      await walk.signIn(other);
      await walk.open('/security', 'Security');
      await page.getByRole('link', { name: 'Edit password' }).click();
      await walk.at('Change password');
      await walk.change(other);
      await page.close();
    });
  }
}
