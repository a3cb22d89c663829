// Arabic on sign-in and reset: the texts, the direction, the e-mails.
import type { Page } from '@playwright/test';
import { arrive, signIn, submitCode, toSignInCode } from '../support/journeys';
import { look } from '../support/look';
import { appStarted } from '../support/mode';
import { codeIn } from '../support/post';
import { expect, test } from '../support/test';

const ARABIC = /[\u0600-\u06ff]{3,}/;

async function expectArabic(page: Page): Promise<void> {
  await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
  await expect(page.locator('html')).toHaveAttribute('lang', 'ar');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(ARABIC);
  await appStarted(page);
}

/** The current step's field by name, in any language. */
function input(page: Page, name: string) {
  return page.getByRole('main').locator(`form[action^="/api/"] input[name=${name}]:visible`);
}

async function submit(page: Page, action: string): Promise<void> {
  await page.getByRole('main').locator(`form[action="${action}"]`).first().locator('button[type=submit]').first().click();
}

test.describe('a browser that prefers Arabic', () => {
  test.use({ locale: 'ar' });

  test('signs in and resets in Arabic, from right to left', async ({ page, users, post }) => {
    const user = await users.local();
    await page.goto('/signin');
    await expectArabic(page);
    await expect(input(page, 'email')).toHaveAttribute('dir', 'ltr');
    const button = await page.getByRole('main').locator('form[action="/api/sign_in/begin"] button').boundingBox();
    const box = await page.getByRole('main').boundingBox();
    expect((box?.x ?? 0) + (box?.width ?? 0) / 2, 'the button is on the right').toBeLessThan((button?.x ?? 0) + (button?.width ?? 0));
    await look(page, 'arabic-sign-in');

    await submit(page, '/api/sign_in/begin');
    await expect(page.getByRole('alert')).toHaveText(ARABIC);
    await expectArabic(page);
    await look(page, 'arabic-sign-in-refused');
    await input(page, 'email').fill(user.email);
    await submit(page, '/api/sign_in/begin');
    await expect(input(page, 'password')).toBeVisible();
    await expectArabic(page);

    await submit(page, '/api/reset/begin');
    await expect(input(page, 'code')).toBeVisible();
    await expectArabic(page);
    await expect(input(page, 'code')).toHaveAttribute('dir', 'ltr');
    await look(page, 'arabic-reset-code');

    const message = await post.codeEmail(user.email, 8);
    expect(message.subject).toMatch(ARABIC);
    expect(message.text).toMatch(ARABIC);
    expect(message.html).toContain('dir="rtl"');
    // Arabic keyboards type Arabic-Indic digits.
    const arabicIndic = [...message.code].map((digit) => String.fromCodePoint(0x660 + Number(digit))).join('');
    await input(page, 'code').fill(arabicIndic);
    await submit(page, '/api/reset/answer');
    await expect(input(page, 'again')).toBeVisible();
    await expectArabic(page);
    await look(page, 'arabic-reset-choose');
  });
});

test('a language chosen on the page is kept', async ({ page }) => {
  await page.goto('/signin');
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await appStarted(page);
  await page.getByRole('banner').getByRole('button', { name: 'العربية' }).click();
  await expectArabic(page);
  await page.goto('/reset');
  await expectArabic(page);
  await page.getByRole('banner').getByRole('button', { name: 'English' }).click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Reset your password');
});

test('e-mails are in the account’s language', async ({ page, users, post }) => {
  const user = await users.local({ language: 'ar' });
  await page.goto('/reset');
  await appStarted(page);
  await input(page, 'email').fill(user.email);
  await submit(page, '/api/reset/begin');
  await expect(input(page, 'code')).toBeVisible();
  const message = await post.email(user.email, (message) => codeIn(message) !== undefined, 'a passcode');
  expect(message.subject).toMatch(ARABIC);
});

test('the account’s language overrides the browser’s, and a new choice is saved', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local({ language: 'ar' });
  await toSignInCode(page, user);
  await submitCode(page, await post.code(user.email, 6));
  await expectArabic(page);
  await page.getByRole('banner').getByRole('button', { name: 'English' }).click();
  await arrive(page, 'Profile');

  const other = await anotherBrowser();
  await signIn(other, user, post);
});

test('the chosen theme is kept', async ({ page }) => {
  await page.goto('/signin');
  await appStarted(page);
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await background();
  await page.getByRole('contentinfo').getByRole('button', { name: 'Dark' }).click();
  await expect.poll(background).not.toBe(light);
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect.poll(async () => (await page.context().cookies()).some((cookie) => cookie.name === '__Host-theme')).toBe(true);
  await page.goto('/reset');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  expect(await background()).not.toBe(light);
});
