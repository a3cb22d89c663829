// A browser with an extension of ours, which does to pages what password managers, ad blockers and translators do to them.
import { chromium as browsers, type BrowserContext, type Page } from '@playwright/test';
import { resolve } from 'node:path';
import { chromium } from './chromium';
import { equip, mode } from './mode';
import { test as base } from './test';

const EXTENSION = resolve(__dirname, 'extension');

/** Where it puts an element of its own: before and after a field, around what is around it, in and beside the form, in the page. */
export const POSITIONS = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9', 'p10', 'p11', 'p12'];

type Meddled = {
  /** A browser whose extension does what it is told; see there. */
  meddled: BrowserContext;
  /** Tells the extension what to do with the pages that are loaded from now on. The browser forgets all else, and comes from
   * another network address, so that one walk does not meet another's limits. */
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

/** How a person goes on to the next step: at once, or when the app has had its time to take the page over. */
export type Pace = 'at once' | 'with the app';

/** Does not insist on the app: what keeps it from coming must be seen in what happens then. */
export async function keepPace(page: Page, pace: Pace): Promise<void> {
  if (pace === 'at once' || mode() !== 'scripts') return;
  await page
    .waitForFunction(() => performance.getEntriesByName('app-started').length > 0, undefined, { timeout: 5_000 })
    .catch(() => undefined);
}
