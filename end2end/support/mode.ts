// The mode of this run.
import { test, type BrowserContext, type Page } from '@playwright/test';

export type Mode = 'scripts' | 'no-scripts' | 'no-wasm';

export function mode(): Mode {
  return test.info().project.name as Mode;
}

/** Whether the app runs in the page; otherwise plain forms are sent. */
export function hasApp(): boolean {
  return mode() === 'scripts';
}

/** Prepares a browser for its run. */
export async function equip(context: BrowserContext): Promise<void> {
  if (mode() === 'no-wasm') await context.route('**/*.wasm', (route) => route.abort());
}

/** Waits until the app has taken over the page. Pages that are only read have no app, nor its settings. */
export async function appStarted(page: Page): Promise<void> {
  if (!hasApp()) return;
  await page.waitForFunction(
    () => !document.getElementById('app-settings') || performance.getEntriesByName('app-started').length > 0,
  );
}
