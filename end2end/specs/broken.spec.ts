// When the app fails at any point, the page continues as a plain page without a second click.
import type { Page } from '@playwright/test';
import { button, field, open, signIn, toResetCode, unfoldHelp } from '../support/journeys';
import { hasApp } from '../support/mode';
import { otherThan } from '../support/post';
import { expect, test } from '../support/test';

test.describe.configure({ timeout: 240_000 });
test.beforeEach(({}, info) => test.skip(info.project.name !== 'scripts', 'only the app can fail'));

const STOPPED = /The app has stopped; the page goes on with plain forms\./;

declare global {
  interface Window {
    /** The number of browser API calls after which the next one fails. */
    failAfter?: number;
    failed?: boolean;
    kept?: Element | null;
    release?: () => void;
  }
}

/** Makes every browser API call of the app fail on request. `failAfter` applies from the start. */
async function breakable(page: Page, failAfter?: number): Promise<void> {
  await page.addInitScript((failAfter) => {
    if (failAfter !== undefined && !sessionStorage.getItem('failed')) window.failAfter = failAfter;
    const fragile = (imports: WebAssembly.Imports): WebAssembly.Imports =>
      Object.fromEntries(
        Object.entries(imports).map(([module, parts]) => [
          module,
          Object.fromEntries(
            Object.entries(parts).map(([name, part]) => [name, typeof part === 'function' ? breaking(part as never) : part]),
          ),
        ]),
      ) as WebAssembly.Imports;
    const breaking = (part: (...words: unknown[]) => unknown) => (...words: unknown[]) => {
      if (window.failAfter !== undefined && window.failAfter-- <= 0) {
        window.failAfter = undefined;
        window.failed = true;
        sessionStorage.setItem('failed', 'yes');
        throw new WebAssembly.RuntimeError('unreachable');
      }
      return part(...words);
    };
    const { instantiate, instantiateStreaming } = WebAssembly;
    WebAssembly.instantiate = ((source: never, imports: WebAssembly.Imports) => instantiate(source, fragile(imports))) as never;
    WebAssembly.instantiateStreaming = (source, imports) => instantiateStreaming(source, fragile(imports ?? {}));
  }, failAfter);
}

/** The console messages about the app's failure. */
function ends(page: Page): string[] {
  const said: string[] = [];
  page.on('console', (message) => STOPPED.test(message.text()) && said.push(message.text()));
  return said;
}

const CALLS = [0, 1, 2, 4, 7, 10, 15, 20, 30, 45, 70, 100, 150, 250, 400, 600];

test('a fault during or after a submit still sends the form', async ({ page, users, watch, context }) => {
  watch.allow(STOPPED);
  await breakable(page);
  const said = ends(page);
  let failures = 0;
  for (const calls of CALLS) {
    await test.step(`the call ${calls} fails`, async () => {
      const user = await users.local();
      await context.clearCookies();
      await open(page, '/signin', 'Sign in');
      await field(page, 'E-mail address').fill(user.email);
      await page.evaluate((calls) => {
        sessionStorage.removeItem('failed');
        window.failAfter = calls;
      }, calls);
      await button(page, 'Next').click();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(['Enter your password']);
      await expect(page.getByRole('main')).toContainText(user.email);
      if (await page.evaluate(() => sessionStorage.getItem('failed'))) failures += 1;
      // The next step works too.
      await page.evaluate(() => (window.failAfter = undefined));
      await button(page, 'Use a different e-mail').click();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(['Sign in']);
    });
  }
  expect(failures, 'most of these calls are made').toBeGreaterThan(CALLS.length / 2);
  expect(said, 'one line for each').toHaveLength(failures);
});

test('a fault while a refusal is shown sends the form to the server', async ({ page, users, watch, context }) => {
  watch.allow(STOPPED);
  await breakable(page);
  for (const calls of [0, 5, 20, 60, 120]) {
    await test.step(`the call ${calls} fails`, async () => {
      const user = await users.local();
      await context.clearCookies();
      await toResetCode(page, user.email);
      await field(page, 'One-time passcode').fill('123');
      await page.evaluate((calls) => (window.failAfter = calls), calls);
      await button(page, 'Next').click();
      await expect(page.getByRole('alert')).toContainText('The one-time passcode has 8 digits.');
    });
  }
});

test('a fault without a submit leaves a working page that keeps its input', async ({ page, users, post, watch }) => {
  watch.allow(STOPPED);
  await breakable(page);
  const said = ends(page);
  const user = await users.local();
  await toResetCode(page, user.email);
  const code = await post.code(user.email, 8);
  await field(page, 'One-time passcode').fill(otherThan(code));
  // The countdown's next tick fails.
  await page.evaluate(() => (window.failAfter = 0));
  await expect.poll(() => page.evaluate(() => window.failed)).toBe(true);
  await expect.poll(() => said).toHaveLength(1);
  await expect(field(page, 'One-time passcode')).toHaveValue(otherThan(code));
  await button(page, 'Next').click();
  await expect(page.getByRole('alert')).toContainText('You have 4 tries left.');
  expect(said).toHaveLength(1);
});

test('a fault during hydration leaves the server-rendered page', async ({ page, users, watch, context }) => {
  watch.allow(STOPPED);
  let failures = 0;
  for (const calls of [0, 3, 10, 30, 60, 100, 150, 200, 300]) {
    await test.step(`the call ${calls} fails`, async () => {
      const tab = await context.newPage();
      await breakable(tab, calls);
      const user = await users.local();
      await context.clearCookies();
      await tab.goto('/signin');
      await field(tab, 'E-mail address').fill(user.email);
      await expect
        .poll(() => tab.evaluate(() => window.failed || performance.getEntriesByName('app-started').length > 0))
        .toBe(true);
      if (await tab.evaluate(() => window.failed)) failures += 1;
      await tab.evaluate(() => (window.failAfter = undefined));
      await expect(tab.getByRole('heading', { level: 1 })).toHaveText(['Sign in']);
      await expect(field(tab, 'E-mail address')).toHaveValue(user.email);
      await button(tab, 'Next').click();
      await expect(tab.getByRole('heading', { level: 1 })).toHaveText(['Enter your password']);
      await tab.close();
    });
  }
  expect(failures, 'most of these calls are made').toBeGreaterThan(5);
  void page;
});

test('a fault while navigating to another page loads that page', async ({ page, watch }) => {
  watch.allow(STOPPED);
  await breakable(page);
  for (const calls of [0, 2, 5, 10, 20, 40, 80, 160]) {
    await test.step(`the call ${calls} fails`, async () => {
      await open(page, '/signin', 'Sign in');
      await page.evaluate((calls) => (window.failAfter = calls), calls);
      await page.getByRole('link', { name: 'Create an account' }).click();
      await expect(page).toHaveURL(/\/signup$/);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(['Create an account']);
    });
  }
});

test('an anchor link on a stopped page does not reload it', async ({ page, users, watch }) => {
  watch.allow(STOPPED);
  await breakable(page);
  const user = await users.local();
  await toResetCode(page, user.email);
  const code = field(page, 'One-time passcode');
  await code.fill('1234');
  await page.evaluate(() => (window.failAfter = 0));
  await expect.poll(() => page.evaluate(() => window.failed)).toBe(true);
  await page.locator('a[href="#main"]').press('Enter');
  await expect(page).toHaveURL(/#main$/);
  await page.goBack();
  await expect(page).not.toHaveURL(/#main$/);
  await expect(code).toHaveValue('1234');
});

test('a link to the current page reloads it', async ({ page, users, post }) => {
  await signIn(page, await users.local(), post);
  await open(page, '/security', 'Security');
  await page.evaluate(() => (window.kept = document.body));
  await page.getByRole('navigation', { name: 'Your account' }).getByRole('link', { name: 'Security' }).click();
  await expect.poll(() => page.evaluate(() => window.kept)).toBeUndefined();
});

test('a missing response is reported as a lost connection', async ({ page, users, watch }) => {
  watch.allow(/ERR_|Failed to load/);
  await page.addInitScript(() => {
    const { timeout } = AbortSignal;
    AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 30);
  });
  const user = await users.local();
  await open(page, '/signin', 'Sign in');
  let answer: () => void = () => {};
  await page.route('**/api/sign_in/begin', async (route) => {
    await new Promise<void>((resolve) => (answer = resolve));
    await route.abort();
  });
  await field(page, 'E-mail address').fill(user.email);
  await button(page, 'Next').click();
  await expect(page.getByRole('alert')).toContainText('There’s no connection.');
  await expect(field(page, 'E-mail address')).toHaveValue(user.email);
  answer();
});

test.describe('before the app has loaded', () => {
  /** Blocks the WASM of the next page until the returned function is called. */
  async function held(page: Page): Promise<() => Promise<void>> {
    await page.addInitScript(() => {
      const { fetch } = window;
      const gate = new Promise<void>((open) => (window.release = open));
      window.fetch = async (...request) => {
        if (String(request[0]).endsWith('.wasm') && !sessionStorage.getItem('released')) await gate;
        return fetch(...request);
      };
    });
    return async () => {
      await page.evaluate(() => {
        sessionStorage.setItem('released', 'yes');
        window.release?.();
      });
      await page.waitForFunction(() => performance.getEntriesByType('resource').some(({ name }) => name.endsWith('.wasm')));
    };
  }
  const started = (page: Page) => page.waitForFunction(() => performance.getEntriesByName('app-started').length > 0);

  test('input, selection, focus and open details survive hydration', async ({ page, users }) => {
    expect(hasApp()).toBe(true);
    const user = await users.local();
    await toResetCode(page, user.email);
    const release = await held(page);
    await page.reload();
    await unfoldHelp(page);
    const code = field(page, 'One-time passcode');
    await code.pressSequentially('1234');
    await code.evaluate((input: HTMLInputElement) => {
      input.setSelectionRange(1, 3);
      window.kept = input;
    });
    await release();
    await started(page);
    const after = await code.evaluate((input: HTMLInputElement) => ({
      same: input === window.kept,
      focused: document.activeElement === input,
      selected: [input.selectionStart, input.selectionEnd],
      value: input.value,
    }));
    expect(after).toEqual({ same: true, focused: true, selected: [1, 3], value: '1234' });
    expect(await page.locator('#mail-help').getAttribute('open')).not.toBeNull();
    await page.keyboard.type('9');
    await expect(code).toHaveValue('194');
  });

  test('a focused button keeps its focus', async ({ page }) => {
    const release = await held(page);
    await page.goto('/signin');
    await button(page, 'Next').focus();
    await release();
    await started(page);
    await expect(button(page, 'Next')).toBeFocused();
  });

  test('a click that spans hydration counts', async ({ page, users }) => {
    const user = await users.local();
    const release = await held(page);
    await page.goto('/signin');
    await field(page, 'E-mail address').fill(user.email);
    await button(page, 'Next').hover();
    await page.mouse.down();
    await release();
    // Enough frames for an app that doesn't wait for the click to end.
    for (let frame = 0; frame < 20; frame += 1) await page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
    await page.mouse.up();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(['Enter your password']);
  });

  test('the app does not start while a plain form is being sent', async ({ page, users }) => {
    const user = await users.local();
    await held(page);
    // Playwright can't query a page during navigation, so the page logs the result.
    await page.addInitScript(() => {
      const frames = async (count: number) => {
        for (let n = 0; n < count; n += 1) await new Promise(requestAnimationFrame);
      };
      const marks = (type: string, name: string) =>
        performance.getEntriesByType(type).filter((entry) => entry.name.endsWith(name)).length;
      addEventListener('submit', async () => {
        sessionStorage.setItem('released', 'yes');
        window.release?.();
        while (marks('resource', '.wasm') === 0) await frames(1);
        await frames(20);
        console.log(`started meanwhile: ${marks('mark', 'app-started')}`);
      });
    });
    await page.goto('/signin');
    const watched = page.waitForEvent('console', (message) => message.text().startsWith('started meanwhile'));
    await page.route('**/api/sign_in/begin', async (route) => {
      await watched;
      await route.continue();
    });
    await field(page, 'E-mail address').fill(user.email);
    await button(page, 'Next').click({ noWaitAfter: true });
    expect((await watched).text()).toBe('started meanwhile: 0');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(['Enter your password']);
  });
});
