// The preferences: language and region, appearance, e-mails; and links in e-mails that unsubscribe.
import { arrive, button, field, link, open, signIn, submitEmail, submitPassword, submitCode } from '../support/journeys';
import { look } from '../support/look';
import { hasApp, mode } from '../support/mode';
import { expect, test } from '../support/test';
import type { Page } from '@playwright/test';

async function expectSaved(page: Page, focused: string): Promise<void> {
  await arrive(page, 'Preferences');
  await expect(page.getByRole('status')).toContainText('Saved.');
  await expect(link(page, focused)).toBeFocused();
}

/** The text of the first time on a page. */
function firstTime(page: Page) {
  return page.getByRole('main').locator('time').first();
}

test('times follow zone and format, on screens and in e-mails', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await page.getByRole('navigation', { name: 'Your account' }).getByRole('link', { name: 'Preferences' }).click();
  await arrive(page, 'Preferences');
  await look(page, 'preferences');
  await link(page, 'Edit time zone').click();
  await arrive(page, 'Edit time zone');
  const zone = field(page, 'Time zone');
  await expect(zone).toHaveValue('');
  await zone.selectOption('Asia/Kolkata');
  await look(page, 'preferences-time-zone');
  await button(page, 'Save').click();
  await expectSaved(page, 'Edit time zone');
  await expect(page.getByRole('main')).toContainText('Asia/Kolkata');

  await link(page, 'Edit date and time format').click();
  await arrive(page, 'Edit date and time format');
  await look(page, 'preferences-dates');
  await field(page, '2026-11-30 13:30').check();
  await field(page, '12 hours, such as 1:30 PM').check();
  await button(page, 'Save').click();
  await expectSaved(page, 'Edit date and time format');
  await expect(page.getByRole('main')).toContainText('2026-11-30 1:30 PM');

  await open(page, '/security', 'Security');
  const shown = firstTime(page);
  await expect(shown).toHaveText(/^20\d\d-\d\d-\d\d$/);
  const times = page.getByRole('main').locator('time').filter({ hasText: ':' });
  await expect(times.first()).toHaveText(/^20\d\d-\d\d-\d\d \d{1,2}:\d\d\s[AP]M$/);
  // Five and a half hours later than in the attribute.
  const time = await times.first().evaluate((it: HTMLTimeElement) => ({ text: it.textContent ?? '', utc: it.dateTime }));
  const local = new Date(Date.parse(time.utc) + 330 * 60_000);
  const hour = String((local.getUTCHours() + 11) % 12 + 1);
  const minute = String(local.getUTCMinutes()).padStart(2, '0');
  expect(time.text).toContain(`${local.toISOString().slice(0, 10)} ${hour}:${minute}`);

  await page.context().clearCookies();
  await open(page, '/signin', 'Sign in');
  await submitEmail(page, user.email);
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  const message = await post.codeEmail(user.email, 6);
  expect(message.text).toMatch(/It expires in 10 minutes, at \d{1,2}:\d\d [AP]M \(Asia\/Kolkata\)\./);
  await submitCode(page, message.code);
  await arrive(page, 'Profile');
});

test.describe('a device in another time zone', () => {
  test.use({ timezoneId: 'Europe/Paris' });

  test('proposes its own zone, and the account’s zone wins', async ({ page, users, post }) => {
    const user = await users.local();
    await signIn(page, user, post);
    await open(page, '/preferences/time-zone', 'Edit time zone');
    const proposed = page.getByText('This is your device’s time zone.');
    if (mode() === 'no-scripts') {
      await expect(proposed).toBeHidden();
      await expect(field(page, 'Time zone')).toHaveValue('');
    } else {
      await expect(proposed).toBeVisible();
      await expect(field(page, 'Time zone')).toHaveValue('Europe/Paris');
    }
    if (hasApp()) {
      // Nothing is chosen yet.
      await open(page, '/security', 'Security');
      await expect(page.locator('html')).not.toHaveAttribute('data-zone');
      await open(page, '/preferences/time-zone', 'Edit time zone');
    }
    await field(page, 'Time zone').selectOption('Asia/Tokyo');
    await button(page, 'Save').click();
    await expectSaved(page, 'Edit time zone');
    await open(page, '/security', 'Security');
    const times = page.getByRole('main').locator('time').filter({ hasText: ':' });
    const time = await times.first().evaluate((it: HTMLTimeElement) => ({ text: it.textContent ?? '', utc: it.dateTime }));
    const local = new Date(Date.parse(time.utc) + 9 * 3_600_000);
    expect(time.text).toContain(local.toISOString().slice(11, 16));
    expect(time.text).not.toContain('UTC');
  });
});

test('theme and text size are kept with the account', async ({ page, users, post, anotherBrowser }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/preferences/appearance', 'Edit theme and text size');
  await look(page, 'preferences-appearance');
  await field(page, 'Dark').check();
  await field(page, 'Larger text').check();
  await button(page, 'Save').click();
  await expectSaved(page, 'Edit theme and text size');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await look(page, 'preferences-larger');
  const size = (of: Page) => of.locator('html').evaluate((html) => getComputedStyle(html).fontSize);
  if (mode() !== 'no-scripts') expect(await size(page)).toBe('23px');

  const there = await anotherBrowser();
  await signIn(there, user, post);
  await expect(there.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect(there.locator('html')).toHaveAttribute('data-text', 'larger');
  await open(there, '/security', 'Security');
  await expect(there.locator('html')).toHaveAttribute('data-text', 'larger');
  // The buttons below every page change the same setting.
  await there.getByRole('button', { name: 'Light' }).click();
  await expect(there.locator('html')).toHaveAttribute('data-theme', 'light');
  await expect
    .poll(async () => {
      await page.reload();
      return page.locator('html').getAttribute('data-theme');
    })
    .toBe('light');
});

test('the language is kept with the account', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/preferences/language', 'Edit language');
  await look(page, 'preferences-language');
  await field(page, 'العربية').check();
  await button(page, 'Save').click();
  await arrive(page, 'التفضيلات');
  await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
  await expect(page.getByRole('status')).toContainText('تم الحفظ');
  await look(page, 'arabic-preferences');
  await page.context().clearCookies({ name: '__Host-session' });
  await page.goto('/signin');
  await expect(page.locator('html')).toHaveAttribute('lang', 'ar');
});

test('e-mails are turned off on the page', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/preferences', 'Preferences');
  await expect(page.getByRole('main')).toContainText('We always send e-mails about the security of your account.');
  await expect(field(page, 'News about our products')).not.toBeChecked();
  await field(page, 'News about our products').check();
  await field(page, 'Weekly tips').uncheck();
  await button(page, 'Save e-mail preferences').click();
  await arrive(page, 'Preferences');
  await expect(page.getByRole('status')).toContainText('Saved.');
  await expect(page.getByRole('heading', { name: 'E-mails', exact: true })).toBeFocused();
  await expect(field(page, 'News about our products')).toBeChecked();
  await expect(field(page, 'Weekly tips')).not.toBeChecked();
  await expect(field(page, 'E-mails from support')).toBeChecked();
});

test('a link in an e-mail unsubscribes, and that can be undone', async ({ page, users, service }) => {
  const user = await users.local();
  const url = (await service.run(['unsubscribe-link', user.email, 'tips'])).trim();
  await open(page, url, 'Stop e-mails: Weekly tips');
  await look(page, 'unsubscribe');
  await button(page, 'Stop these e-mails').click();
  await arrive(page, 'You won’t get these e-mails');
  await look(page, 'unsubscribe-done');
  const choice = () => service.run(['mail-group', 'choices', 'tips']);
  expect(await choice()).toMatch(new RegExp(`^${user.email},tips,no,.*,one-click$`, 'm'));
  await button(page, 'Undo').click();
  await arrive(page, 'You get these e-mails');
  expect(await choice()).toMatch(new RegExp(`^${user.email},tips,yes,.*,one-click$`, 'm'));
});

test('a link that does nothing says so', async ({ page, watch }) => {
  watch.allow(/status of 404 .*\/unsubscribe\//);
  await open(page, '/unsubscribe/k1.AAAA', 'This link doesn’t work');
  await look(page, 'unsubscribe-unknown');
  await link(page, 'All e-mail preferences').click();
  await arrive(page, 'Sign in');
});

test('without a session, a choice leads back to its form', async ({ page, users, post }) => {
  const user = await users.local();
  await signIn(page, user, post);
  await open(page, '/preferences/time-zone', 'Edit time zone');
  await field(page, 'Time zone').selectOption('Asia/Tokyo');
  await page.context().clearCookies({ name: '__Host-session' });
  await button(page, 'Save').click();
  await arrive(page, 'Sign in');
  await submitEmail(page, user.email);
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 6));
  await arrive(page, 'Edit time zone');
  await expect(field(page, 'Time zone')).toHaveValue('Asia/Tokyo');
});
