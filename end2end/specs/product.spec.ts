// Signing in to a product through this service, with the sample product.
import type { Page } from '@playwright/test';
import {
  arrive,
  button,
  field,
  link,
  open,
  signIn,
  submitCode,
  submitEmail,
  submitNewPassword,
  submitPassword,
  toNewPassword,
} from '../support/journeys';
import { look } from '../support/look';
import type { Post } from '../support/post';
import type { Product } from '../support/product';
import { atProvider } from '../support/providers';
import { expect, test } from '../support/test';
import { NEW_PASSWORD, type User } from '../support/users';

test('a user who forgot the password resets it and is back at the product', async ({ page, users, post, service }) => {
  const [user, { product }] = [await users.local(), service];

  await test.step('1. Go to the sign-in screen from the product', async () => {
    await page.goto(product.origin);
    await arrive(page, 'Notes');
    await look(page, 'product');
  });

  await test.step('2. Select Sign in', async () => {
    await link(page, 'Sign in').click();
    await arrive(page, 'Sign in');
    await says(page, 'to continue to Notes');
    await showsMark(page);
    await look(page, 'sign-in-for-product');
  });

  await test.step('3. Enter your e-mail address and select Next', async () => {
    await submitEmail(page, user.email);
    await arrive(page, 'Enter your password');
    await says(page, 'to continue to Notes');
    await showsMark(page);
  });

  await test.step('4. Select Forgot password?', async () => {
    await button(page, 'Forgot password?').click();
    await arrive(page, 'Check your e-mail');
  });

  await test.step('5. and 6. Enter the one-time passcode from the e-mail and select Next', async () => {
    await submitCode(page, await post.code(user.email, 8));
    await arrive(page, 'Choose a new password');
    await says(page, 'to continue to Notes');
  });

  await test.step('7. Enter your new password twice, then select Reset password', async () => {
    await submitNewPassword(page, NEW_PASSWORD);
    await arrive(page, 'Your password has been reset');
  });

  await test.step('8. Sign in with your new password', async () => {
    await button(page, 'Continue to sign in').click();
    await arrive(page, 'Enter your password');
    await submitPassword(page, NEW_PASSWORD);
    await arrive(page, 'Check your e-mail');
  });

  await test.step('9. Enter the one-time passcode, and be back at the product', async () => {
    // Stays on the page between them, to check it and its link.
    await page.route(`${product.origin}/callback?*`, (route) => route.abort('aborted'), { times: 1 });
    await submitCode(page, await post.code(user.email, 6));
    await expect(page.getByRole('heading', { level: 1, name: 'You’re signed in. Redirecting…' })).toBeVisible();
    await look(page, 'return-to-product');
    await link(page, 'Continue to Notes').click();
    await product.isSignedIn(page, user);
    await look(page, 'product-signed-in');
  });
});

test('a signed-in user returns at once, and the product can refresh what it knows', async ({ page, users, post, service }) => {
  const [user, { product }] = [await users.local(), service];
  await signIn(page, user, post);
  await page.goto(product.origin);
  const shown: string[] = [];
  page.on('framenavigated', (frame) => shown.push(frame.url()));
  await link(page, 'Sign in').click();
  await product.isSignedIn(page, user);
  expect(shown).toEqual([`${product.origin}/`]);

  await service.sql(`UPDATE accounts SET name = 'Robin Roe' WHERE email = '${user.email}';`);
  await button(page, 'Refresh').click();
  await product.isSignedIn(page, { ...user, name: 'Robin Roe' });
});

test('a sign-up that began at a product ends there', async ({ page, users, post, service }) => {
  const [user, { product }] = [users.unregistered(), service];
  await product.signIn(page);
  await link(page, 'Create an account').click();
  await arrive(page, 'Create an account');
  await says(page, 'to continue to Notes');
  await submitEmail(page, user.email);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'Your name and password');
  await field(page, 'Name').fill(user.name);
  await field(page, 'New password').fill(NEW_PASSWORD);
  await field(page, 'Confirm new password').fill(NEW_PASSWORD);
  await button(page, 'Create account').click();
  await arrive(page, 'Your account is ready');
  await button(page, 'Continue to sign in').click();
  await arrive(page, 'Enter your password');
  await submitPassword(page, NEW_PASSWORD);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 6));
  await product.isSignedIn(page, user);
});

test('"Continue with Google" that began at a product ends there', async ({ page, users, service }) => {
  const [user, { product }] = [users.unregistered(), service];
  await product.signIn(page);
  await link(page, 'Continue with Google').click();
  await atProvider(page, user.email);
  // A name with an address in it is not taken from the provider.
  await product.isSignedIn(page, { ...user, name: '' });
});

test('sign-out at the product signs out here and returns', async ({ page, users, post, service }) => {
  const [user, { product }] = [await users.local(), service];
  await signInAt(product, page, user, post);
  await button(page, 'Sign out').click();
  await expect(link(page, 'Sign in')).toBeVisible();
  expect(page.url()).toBe(`${product.origin}/`);
  await page.goto('/profile');
  await arrive(page, 'Sign in');
});

test('a reset in another browser ends the session at the product', async ({ page, users, post, service, anotherBrowser }) => {
  const [user, { product }] = [await users.local(), service];
  await signInAt(product, page, user, post);
  const other = await anotherBrowser();
  await toNewPassword(other, user.email, post);
  await submitNewPassword(other, NEW_PASSWORD);
  await arrive(other, 'Your password has been reset');
  await product.endsSession(page);
});

test('disconnecting a product on the security page ends its session', async ({ page, users, post, service }) => {
  const [user, { product }] = [await users.local(), service];
  await signInAt(product, page, user, post);
  await link(page, 'Account security').click();
  await arrive(page, 'Security');
  const connected = page.getByRole('region', { name: 'Connected products' });
  await expect(connected.getByRole('listitem')).toContainText('Notes');
  await expect(connected.getByRole('listitem')).toContainText('Sees your e-mail address, name · Keeps you signed in');
  await look(page, 'security-products');
  await connected.getByRole('button', { name: 'Disconnect Notes' }).click();
  await expect(page.getByRole('status')).toContainText('Product disconnected.');
  await expect(connected).toHaveCount(0);
  await product.endsSession(page);
});

test('the profile leads to the products of a user', async ({ page, users, post, service }) => {
  const [user, { product }] = [await users.local(), service];
  await signIn(page, user, post);
  await open(page, '/profile', 'Profile');
  const products = page.getByRole('region', { name: 'Your products' });
  await expect(products).toHaveCount(0);
  await product.signIn(page);
  await product.isSignedIn(page, user);
  await open(page, '/profile', 'Profile');
  await expect(products.getByRole('link')).toHaveText(['Notes']);
  await showsMark(page);
  await look(page, 'profile-products');
  await products.getByRole('link', { name: 'Notes' }).click();
  await product.isSignedIn(page, user);
});

test('a user who cancels a confirmation returns to the product', async ({ page, users, post, service, watch }) => {
  // The product refuses a response to a request that it did not send.
  watch.allow(/status of 400 .*\/callback\?/);
  await signIn(page, await users.local(), post);
  await page.goto(request(service.product, { prompt: 'login' }));
  await arrive(page, 'Confirm that it’s you');
  await says(page, 'Notes asks you to confirm');
  await showsMark(page);
  await look(page, 'confirm-for-product');
  await link(page, 'Cancel').click();
  await arrive(page, 'You aren’t signed in');
  const response = new URL(page.url());
  expect(response.origin).toBe(service.product.origin);
  expect(response.searchParams.get('error')).toBe('access_denied');
  expect(response.searchParams.get('state')).toBe('a state');
});

test('a session that ends during a confirmation keeps the product', async ({ page, users, post, service }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await page.goto(request(service.product, { prompt: 'login' }));
  await arrive(page, 'Confirm that it’s you');
  const next = new URL(page.url()).searchParams.get('next');
  await service.sql(`DELETE FROM sessions WHERE account_id = (SELECT id FROM accounts WHERE email = '${user.email}');`);
  await field(page, 'Current password').fill(user.password);
  await button(page, 'Continue').click();
  await arrive(page, 'Sign in');
  expect(page.url()).toBe(`${service.origin}/signin?next=${next}`);
  await says(page, 'to continue to Notes');
});

test('a user who waits for the passcode of a confirmation can return to the product', async ({ page, users, service, watch }) => {
  watch.allow(/status of 400 .*\/callback\?/);
  await page.goto('/signin');
  await link(page, 'Continue with Google').click();
  await atProvider(page, users.unregistered().email);
  await arrive(page, 'Profile');
  await page.goto(request(service.product, { prompt: 'login' }));
  await arrive(page, 'Confirm that it’s you');
  await button(page, 'E-mail me a passcode').click();
  await arrive(page, 'Check your e-mail');
  await link(page, 'Cancel').click();
  await arrive(page, 'You aren’t signed in');
  expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');
});

test('a product that asks for two factors gets the one that a trusted device skipped', async ({ page, users, post, service, watch }) => {
  watch.allow(/status of 400 .*\/callback\?/);
  const user = await users.local();
  await signIn(page, user, post, { trust: true });
  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
  await arrive(page, 'You’re signed out');
  await page.goto(request(service.product, { acr_values: 'two_factors' }));
  await arrive(page, 'Sign in');
  await submitEmail(page, user.email);
  await arrive(page, 'Enter your password');
  await submitPassword(page, user.password);
  await arrive(page, 'Confirm that it’s you');
  await says(page, 'Notes asks you to confirm');
  await expect(field(page, 'Current password')).toHaveCount(0);
  await button(page, 'E-mail me a passcode').click();
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 8));
  await arrive(page, 'You aren’t signed in');
  expect(new URL(page.url()).searchParams.has('code')).toBe(true);
});

test('a user decides what a product of another company learns', async ({ page, users, post, service, watch }) => {
  watch.allow(/status of 400 .*\/callback\?/);
  await signIn(page, await users.local(), post);
  const scope = 'openid email profile offline_access';
  await page.goto(request(service.product, { client_id: 'partner', scope }));
  await arrive(page, 'Continue to Partner?');
  await showsMark(page);
  await expect(page.getByText('You stay signed in to Partner until you sign out of Rekey or disconnect Partner.')).toBeVisible();
  await look(page, 'consent');
  await button(page, 'Cancel').click();
  await arrive(page, 'You aren’t signed in');
  expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');
});

test('a sign-out link without a proof of the session asks first', async ({ page, users, post, service }) => {
  const user = await users.local();
  await signIn(page, user, post);
  const back = encodeURIComponent(`${service.product.origin}/`);
  const path = `/oauth/logout?client_id=notes&post_logout_redirect_uri=${back}`;
  await page.goto(path);
  await arrive(page, 'Sign out?');
  await look(page, 'sign-out-for-product');
  await link(page, 'Stay signed in').click();
  await arrive(page, 'Profile');
  await page.goto(path);
  // Stays on the page between them.
  await page.route(`${service.product.origin}/`, (route) => route.abort('aborted'), { times: 1 });
  await button(page, 'Sign out').click();
  await expect(page.getByRole('heading', { level: 1, name: 'You’re signed out' })).toBeVisible();
  await look(page, 'return-after-sign-out');
  await link(page, 'Continue to Notes').click();
  await arrive(page, 'Notes');
  await page.goto('/profile');
  await arrive(page, 'Sign in');
});

test('a request of an unknown product is refused here', async ({ page, watch }) => {
  watch.allow(/status of 400 .*\/oauth\/authorize/);
  await page.goto('/oauth/authorize?client_id=unknown&redirect_uri=https://evil.example/');
  await arrive(page, 'This sign-in link doesn’t work');
  await look(page, 'product-refused');
});

async function says(page: Page, words: string): Promise<void> {
  await expect(page.getByRole('main')).toContainText(words);
}

/** Expects the product's mark, which is loaded and whose size doesn't depend on it. */
async function showsMark(page: Page): Promise<void> {
  const mark = page.getByRole('main').locator('img');
  await expect(mark).toHaveCount(1);
  const state = () =>
    mark.evaluate((image: HTMLImageElement) => {
      const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
      return [image.naturalWidth > 0, image.width / rem, image.height / rem];
    });
  await expect.poll(state).toEqual([true, 2, 2]);
}

/** A request of a product, for a browser in which the product did not begin it. */
function request(product: Product, changes: Record<string, string>): string {
  const parameters = new URLSearchParams({
    client_id: 'notes',
    redirect_uri: `${product.origin}/callback`,
    response_type: 'code',
    scope: 'openid',
    state: 'a state',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    ...changes,
  });
  return `/oauth/authorize?${parameters}`;
}

/** A complete sign-in that begins at the product. */
async function signInAt(product: Product, page: Page, user: User, post: Post): Promise<void> {
  await product.signIn(page);
  await arrive(page, 'Sign in');
  await submitEmail(page, user.email);
  await arrive(page, 'Enter your password');
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 6));
  await product.isSignedIn(page, user);
}

test('a product’s hints fill in the address and choose the language', async ({ page, users, post, service, watch }) => {
  // The product has put it there.
  watch.allow(/^the address .*&login_hint=/);
  const [user, { product }] = [await users.local(), service];
  await page.goto(request(product, { login_hint: user.email, ui_locales: 'en-GB ar' }));
  await arrive(page, 'Sign in');
  await expect(field(page, 'E-mail address')).toHaveValue(user.email);
  await button(page, 'Next').click();
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  await post.code(user.email, 6);
  // The language was chosen already.
  await page.goto(request(product, { ui_locales: 'ar' }));
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await page.context().clearCookies();
  await page.goto(request(product, { ui_locales: 'ar', login_hint: '<b>' }));
  await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
  await expect(page.getByRole('main').locator('input[type=email]')).toHaveValue('');
  await showsMark(page);
  await look(page, 'arabic-sign-in-for-product');
});
