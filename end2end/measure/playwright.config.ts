// Times, for `make measure`; no test hangs on them. One after the other, so that they do not measure each other.
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
