// Every spec runs three times: with scripts, with scripts off, and with scripts whose WASM never arrives.
import { defineConfig } from '@playwright/test';
import { chromium } from './support/chromium';

export default defineConfig({
  testDir: 'specs',
  outputDir: 'output/results',
  fullyParallel: true,
  workers: 2,
  forbidOnly: true,
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [['list'], ['json', { outputFile: 'output/report.json' }]],
  use: {
    launchOptions: chromium,
    locale: 'en-GB',
    timezoneId: 'UTC',
    viewport: { width: 1280, height: 800 },
    colorScheme: 'light',
    // A colour that is still fading in is no colour that a person reads.
    contextOptions: { reducedMotion: 'reduce' },
    actionTimeout: 15_000,
    screenshot: 'only-on-failure',
    trace: process.env.TRACE ? 'retain-on-failure' : 'off',
  },
  projects: [
    { name: 'scripts' },
    { name: 'no-scripts', use: { javaScriptEnabled: false } },
    { name: 'no-wasm' },
  ],
});
