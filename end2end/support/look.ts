// Checks a page for accessibility in several viewports and colour schemes, and stores the screenshots.
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';
import { resolve } from 'node:path';
import { mode } from './mode';
import { STATES, type State } from './states';

const SCREENS = resolve(__dirname, '../output/screens');
const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const SCHEMES = ['light', 'dark'] as const;
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 320, height: 640 };

export async function look(page: Page, state: State): Promise<void> {
  const number = String(STATES.indexOf(state) + 1).padStart(2, '0');
  for (const scheme of SCHEMES) {
    await page.emulateMedia({ colorScheme: scheme });
    // Axe needs scripts; the run that blocks the WASM checks the same HTML.
    if (mode() !== 'no-scripts') await obeysWcag(page, `${state}, ${scheme}`);
    for (const [size, name] of [[NARROW, `${number}-${state}-320`], [WIDE, `${number}-${state}`]] as const) {
      await page.setViewportSize(size);
      await page.screenshot({ path: resolve(SCREENS, mode(), scheme, `${name}.png`), fullPage: true });
      if (size === NARROW) await fitsSideways(page, state);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

async function obeysWcag(page: Page, what: string): Promise<void> {
  // Not in iframes: there are none.
  const { violations } = await new AxeBuilder({ page }).withTags(WCAG).setLegacyMode(true).analyze();
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(' ')}: ${node.failureSummary ?? ''}`),
  );
  expect(found, `${what}: WCAG 2.2 AA`).toEqual([]);
}

async function fitsSideways(page: Page, state: State): Promise<void> {
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width, `${state}: no sideways scrolling at 320 px`).toBeLessThanOrEqual(NARROW.width);
}
