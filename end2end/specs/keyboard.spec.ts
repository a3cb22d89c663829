// The whole reset by keyboard: the focus is always visible and moves to the next field.
import type { Locator, Page } from '@playwright/test';
import { arrive, button, field, open } from '../support/journeys';
import { hasApp } from '../support/mode';
import { NEW_PASSWORD } from '../support/users';
import { expect, test } from '../support/test';

const TAB_STOPS = 40;

/** Presses Tab until the element has the focus, which must be visible at every stop. */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  for (let stop = 0; stop < TAB_STOPS; stop += 1) {
    if (await hasFocus(wanted)) {
      await expectSeenFocus(page);
      return;
    }
    await page.keyboard.press('Tab');
    await expectSeenFocus(page);
  }
  expect(await hasFocus(wanted), `${wanted} is reached by Tab`).toBe(true);
}

async function hasFocus(wanted: Locator): Promise<boolean> {
  return wanted.evaluate((element) => element === document.activeElement);
}

/** Expects an outline of at least two pixels around the focused element once the stylesheet has loaded. */
async function expectSeenFocus(page: Page): Promise<void> {
  await expect(async () => {
    const focus = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      // An input that contains a button shows its focus around both.
      const { outlineStyle, outlineWidth } = getComputedStyle(element.matches('input') ? (element.closest('.entry') ?? element) : element);
      const { width, height } = element.getBoundingClientRect();
      return { what: element.outerHTML.slice(0, 80), outlineStyle, outline: parseFloat(outlineWidth), area: width * height };
    });
    if (!focus) return;
    expect(focus.outlineStyle, focus.what).not.toBe('none');
    expect(focus.outline, focus.what).toBeGreaterThanOrEqual(2);
    expect(focus.area, focus.what).toBeGreaterThan(0);
  }).toPass({ timeout: 15_000 });
}

async function type(page: Page, wanted: Locator, text: string): Promise<void> {
  await tabTo(page, wanted);
  await page.keyboard.type(text);
}

test('the first Tab stop skips the header', async ({ page }) => {
  await open(page, '/signin', 'Sign in');
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to main content' });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await expectSeenFocus(page);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await expect(field(page, 'E-mail address')).toBeFocused();
});

test('a forgotten password is reset by keyboard alone', async ({ page, users, post }) => {
  const user = await users.local();
  await open(page, '/signin', 'Sign in');
  await type(page, field(page, 'E-mail address'), user.email);
  await page.keyboard.press('Enter');
  await arrive(page, 'Enter your password');
  await expectFocusAfterStep(field(page, 'Password'));

  await tabTo(page, button(page, 'Forgot password?'));
  await page.keyboard.press('Enter');
  await arrive(page, 'Check your e-mail');
  await expectFocusAfterStep(field(page, 'One-time passcode'));

  await type(page, field(page, 'One-time passcode'), '12');
  await page.keyboard.press('Enter');
  await expectFocusOnProblem(page);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(field(page, 'One-time passcode')).toBeFocused();
  await page.keyboard.press('Control+A');
  await page.keyboard.type(await post.code(user.email, 8));
  await page.keyboard.press('Enter');
  await arrive(page, 'Choose a new password');
  await expectFocusAfterStep(page.getByRole('heading', { level: 1 }));

  await type(page, field(page, 'New password'), NEW_PASSWORD);
  await type(page, field(page, 'Confirm new password'), NEW_PASSWORD);
  await page.keyboard.press('Enter');
  await arrive(page, 'Your password has been reset');
  await expectFocusAfterStep(page.getByRole('heading', { level: 1 }));

  await tabTo(page, button(page, 'Continue to sign in'));
  await page.keyboard.press('Enter');
  await arrive(page, 'Enter your password');
  await type(page, field(page, 'Password'), NEW_PASSWORD);
  await page.keyboard.press('Enter');
  await arrive(page, 'Check your e-mail');
  await type(page, field(page, 'One-time passcode'), await post.code(user.email, 6));
  await tabTo(page, field(page, 'Trust this device for 30 days'));
  await page.keyboard.press('Space');
  await tabTo(page, button(page, 'Next'));
  await page.keyboard.press('Enter');
  await arrive(page, 'Profile');
});

test('after a refusal the focus is on the error', async ({ page, users }) => {
  const user = await users.local();
  await open(page, '/signin', 'Sign in');
  await type(page, field(page, 'E-mail address'), user.email);
  await page.keyboard.press('Enter');
  await arrive(page, 'Enter your password');
  await type(page, field(page, 'Password'), 'not the right password');
  await page.keyboard.press('Enter');
  await expectFocusOnProblem(page);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('alert').getByRole('link')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(field(page, 'Password')).toBeFocused();
});

/** The app moves the focus; a newly loaded page starts at its top. */
async function expectFocusAfterStep(wanted: Locator): Promise<void> {
  if (hasApp()) await expect(wanted).toBeFocused();
}

async function expectFocusOnProblem(page: Page): Promise<void> {
  const problem = page.getByRole('alert').filter({ hasText: 'There is a problem' });
  await expect(problem).toBeVisible();
  if (hasApp()) {
    await expect(problem).toBeFocused();
  } else {
    // On a newly loaded page the summary is the first element of the content.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
  }
}
