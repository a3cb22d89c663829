// The change of the e-mail address, undoing it, and securing an account: what the owner of a stolen account does.
import type { Page } from '@playwright/test';
import { arrive, button, expectRefusal, field, link, open, signIn, submitCode, submitEmail, submitNewPassword, toPassword } from '../support/journeys';
import { look } from '../support/look';
import { codeIn, otherThan, type Post } from '../support/post';
import { expect, test } from '../support/test';
import { NEW_PASSWORD } from '../support/users';

async function enterNewAddress(page: Page, address: string): Promise<void> {
  await open(page, '/profile/email', 'Edit e-mail address');
  await field(page, 'New e-mail address').fill(address);
  await button(page, 'Send passcode').click();
  await arrive(page, 'Check your e-mail');
}

async function changeAddress(page: Page, address: string, post: Post): Promise<void> {
  await enterNewAddress(page, address);
  await submitCode(page, await post.code(address, 8));
  await arrive(page, 'Profile');
}

/** Follows the link of the newest notice to the page that secures the account, up to what will happen. */
async function toReview(page: Page, email: string, post: Post, subject: string): Promise<void> {
  const notice = await post.email(email, (message) => message.subject.includes(subject), subject);
  const url = /https?:\S+\/secure\b/.exec(notice.text)?.[0] ?? '';
  expect(url).not.toBe('');
  await open(page, new URL(url).pathname, 'Secure your account');
  await submitEmail(page, email);
  await arrive(page, 'Check your e-mail');
  await look(page, 'secure-code');
  await submitCode(page, await post.code(email, 8));
  await arrive(page, 'Secure your account now?');
}

test('the address is changed with a code to the new one, and the focus returns to the row', async ({ page, users, post }) => {
  const user = await users.local();
  const next = users.unregistered().email;
  await signIn(page, user, post);
  await open(page, '/profile', 'Profile');
  await link(page, 'Edit e-mail address').click();
  await arrive(page, 'Edit e-mail address');
  await look(page, 'email-change');
  await button(page, 'Send passcode').click();
  await expectRefusal(page, 'Enter your e-mail address.', 'New e-mail address');
  await field(page, 'New e-mail address').fill(user.email);
  await button(page, 'Send passcode').click();
  await expectRefusal(page, 'That’s already your e-mail address.', 'New e-mail address');
  await expect(field(page, 'New e-mail address')).toHaveValue(user.email);
  await look(page, 'email-change-refused');
  await field(page, 'New e-mail address').fill(next);
  await button(page, 'Send passcode').click();
  await arrive(page, 'Check your e-mail');
  await expect(page.getByRole('main')).toContainText(next);
  await look(page, 'email-change-code');
  const code = await post.code(next, 8);
  await submitCode(page, otherThan(code));
  await expectRefusal(page, 'That passcode is incorrect.', 'One-time passcode');
  // Another tab shows the same step.
  await open(page, '/profile/email', 'Check your e-mail');
  await submitCode(page, code);
  await arrive(page, 'Profile');
  await expect(page.getByRole('status')).toContainText('E-mail address changed.');
  await expect(link(page, 'Edit e-mail address')).toBeFocused();
  await expect(page.getByRole('listitem').filter({ hasText: 'E-mail address' })).toContainText(next);
  const started = await post.email(user.email, (message) => message.subject.startsWith('A new e-mail address'), 'the start');
  expect(started.text).not.toContain(next);
  const changed = await post.email(user.email, (message) => message.subject.endsWith('account was changed'), 'the change');
  expect(changed.text).toContain('/secure');
});

test('an address that is in use gets the same page', async ({ page, users, post }) => {
  const [user, other] = [await users.local(), await users.local()];
  await signIn(page, user, post);
  await enterNewAddress(page, other.email);
  const answer = await post.email(other.email, (message) => message.subject.startsWith('Confirm your new'), 'the answer');
  expect(codeIn(answer)).toBeUndefined();
  expect(answer.text).toContain('Another Rekey account has this e-mail address');
});

test('a mistyped new address is corrected on the page of the code', async ({ page, users, post }) => {
  const user = await users.local();
  const [wrong, right] = [users.unregistered().email, users.unregistered().email];
  await signIn(page, user, post);
  await enterNewAddress(page, wrong);
  await submitCode(page, right);
  await expect(page.getByRole('main')).toContainText(right);
  await submitCode(page, await post.code(right, 8));
  await arrive(page, 'Profile');
  await expect(page.getByRole('main')).toContainText(right);
});

test('after the end of the session, the new address is still there', async ({ page, users, post }) => {
  const user = await users.local();
  const next = users.unregistered().email;
  await signIn(page, user, post);
  await open(page, '/profile/email', 'Edit e-mail address');
  await field(page, 'New e-mail address').fill(next);
  await page.context().clearCookies({ name: '__Host-session' });
  await button(page, 'Send passcode').click();
  await arrive(page, 'Sign in');
  await submitEmail(page, user.email);
  await field(page, 'Password').fill(user.password);
  await button(page, 'Sign in').click();
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 6));
  await arrive(page, 'Edit e-mail address');
  await expect(field(page, 'New e-mail address')).toHaveValue(next);
});

test('the owner undoes a change from the old mailbox and sets a new password', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  const thief = users.unregistered('thief.example').email;
  await signIn(page, user, post);
  await changeAddress(page, thief, post);
  const owner = await anotherBrowser();
  await toReview(owner, user.email, post, 'account was changed');
  await expect(owner.getByRole('main')).toContainText(`It will be`);
  await expect(owner.getByRole('main')).not.toContainText(thief);
  await look(owner, 'secure-review');
  // Nothing has happened yet.
  await open(page, '/profile', 'Profile');
  await button(owner, 'Secure account').click();
  await arrive(owner, 'Your account is secured');
  await look(owner, 'secure-done');
  await link(owner, 'Choose a new password').click();
  await arrive(owner, 'Choose a new password');
  await submitNewPassword(owner, NEW_PASSWORD);
  await arrive(owner, 'Your password has been reset');
  await page.goto('/profile');
  await arrive(page, 'Sign in');
  await signIn(owner, { ...user, password: NEW_PASSWORD }, post);
  await expect(owner.getByRole('main')).toContainText(user.email);
});

test('who asks for a reset at the old address is led to undo the change', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await changeAddress(page, users.unregistered('thief.example').email, post);
  const owner = await anotherBrowser();
  await toPassword(owner, user.email);
  await button(owner, 'Forgot password?').click();
  await arrive(owner, 'Check your e-mail');
  const answer = await post.email(user.email, (message) => message.subject.startsWith('Reset your'), 'the answer');
  expect(codeIn(answer)).toBeUndefined();
  expect(answer.text).toContain('/secure');
});

test('a mail scanner that follows the links and submits the forms changes nothing', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  await signIn(page, user, post);
  const scanner = await anotherBrowser();
  const notice = await post.email(user.email, (message) => message.subject.startsWith('New sign-in'), 'a notice');
  const urls = notice.text.match(/https?:\S+/g) ?? [];
  expect(urls.some((url) => url.endsWith('/secure'))).toBe(true);
  for (const url of urls) {
    // Again, for the forms of the next step.
    for (let round = 0; round < 3; round += 1) {
      await scanner.goto(new URL(url).pathname);
      const forms = await scanner.locator('main form').evaluateAll((found) =>
        (found as HTMLFormElement[]).map((form) => ({
          action: form.getAttribute('action') ?? '',
          names: [...form.elements].map((input) => (input as HTMLInputElement).name).filter((name) => name !== ''),
        })),
      );
      for (const { action, names } of forms) {
        const filled = Object.fromEntries(names.map((name) => [name, name === 'code' ? '12345678' : user.email]));
        await scanner.request.post(action, { form: filled, headers: { 'Sec-Fetch-Site': 'same-origin' } });
      }
    }
  }
  await open(page, '/security', 'Security');
  await expect(page.getByRole('main')).not.toContainText('Account secured');
});

test('the page to secure an account, without an account or for a member', async ({ page, users, post }) => {
  const user = await users.managed();
  await open(page, '/secure', 'Secure your account');
  await look(page, 'secure');
  await button(page, 'Next').click();
  await expectRefusal(page, 'Enter your e-mail address.', 'E-mail address');
  await submitEmail(page, users.unregistered().email);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, user.email);
  await expect(page.getByRole('main')).toContainText(user.email);
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'Secure your account now?');
  await button(page, 'Secure account').click();
  await arrive(page, 'Your account is secured');
  await expect(link(page, 'Go to sign in')).toBeVisible();
});
