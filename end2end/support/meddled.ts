// A browser with a test extension that changes pages as password managers, ad blockers and translators do.
import { chromium as browsers, type BrowserContext, type Page } from '@playwright/test';
import { resolve } from 'node:path';
import { chromium } from './chromium';
import { equip, mode } from './mode';
import { test as base } from './test';

const EXTENSION = resolve(__dirname, 'extension');

/**
 * Where it inserts an element: before and after a field, around its wrapper, in and beside the form, in the
 * page.
 */
export const POSITIONS = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9', 'p10', 'p11', 'p12'];

type Meddled = {
  /** A browser with the extension; see `meddle.js`. */
  meddled: BrowserContext;
  /**
   * Configures what the extension does to later pages. Also clears the browser's other cookies and changes
   * its network address, so that one walk doesn't reach another's limits.
   */
  meddle: (...orders: string[]) => Promise<void>;
};

let walks = 0;

export const test = base.extend<Meddled>({
  meddled: async ({ baseURL, extraHTTPHeaders, locale, watch }, use) => {
    const context = await browsers.launchPersistentContext('', {
      ...chromium,
      ignoreDefaultArgs: ['--disable-extensions'],
      args: [
        ...(chromium.args ?? []),
        `--disable-extensions-except=${EXTENSION}`,
        `--load-extension=${EXTENSION}`,
        '--disable-features=DisableLoadExtensionCommandLineSwitch',
      ],
      baseURL,
      extraHTTPHeaders,
      locale,
      timezoneId: 'UTC',
      javaScriptEnabled: mode() !== 'no-scripts',
    });
    await equip(context);
    watch.follow(context);
    await use(context);
    await context.close();
  },
  meddle: async ({ meddled, baseURL }, use) => {
    await use(async (...orders) => {
      walks += 1;
      await meddled.setExtraHTTPHeaders({ 'X-Forwarded-For': `10.9.${walks >> 8}.${walks & 255}` });
      await meddled.clearCookies();
      await meddled.addCookies([{ name: 'meddle', value: orders.join('.'), url: baseURL }]);
    });
  },
});

/** When the user continues to the next step: immediately, or after the app had time to hydrate. */
export type Pace = 'at once' | 'with the app';

/** Doesn't require the app: if the extension prevents it, later checks show the effect. */
export async function keepPace(page: Page, pace: Pace): Promise<void> {
  if (pace === 'at once' || mode() !== 'scripts') return;
  await page
    .waitForFunction(() => performance.getEntriesByName('app-started').length > 0, undefined, { timeout: 5_000 })
    .catch(() => undefined);
}
