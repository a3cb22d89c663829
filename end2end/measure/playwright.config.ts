// Measurements for `make measure`; no test depends on them. They run in sequence so as not to affect each
// other.
import { defineConfig } from '@playwright/test';
import { chromium } from '../support/chromium';

export default defineConfig({
  testDir: '.',
  testMatch: '*.measure.ts',
  outputDir: '../output/measure',
  workers: 1,
  timeout: 600_000,
  reporter: 'line',
  use: { launchOptions: chromium, locale: 'en-GB', viewport: { width: 412, height: 823 } },
});
