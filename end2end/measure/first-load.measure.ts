// Measures a first visit on a slow network and CPU, and the Lighthouse scores. Prints Markdown tables.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test as base, type Browser } from '@playwright/test';
import { chromium } from '../support/chromium';
import { Service } from '../support/service';

const PAGES = ['/signin', '/reset', '/signup'];
const ROUNDS = 9;

/** Lighthouse's "slow 4G": 1.6 Mbit/s down, 0.75 Mbit/s up, 150 ms round trip. */
const NETWORK = { offline: false, latency: 150, downloadThroughput: 1_638_400 / 8, uploadThroughput: 768_000 / 8 };
const TIMES_SLOWER = 4;

/** The browser's own threshold of a "long task", in milliseconds, from which users notice a delay. */
const LONG_MS = 50;

const test = base.extend<object, { service: Service }>({
  service: [
    async ({}, use) => {
      const service = await Service.start(0);
      await use(service);
      await service.stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
});

/** In milliseconds since the start of the visit; `longestTask` is 0 without a long task. */
type Visit = { usable: number; started: number; longestTask: number };

test('first visits', async ({ browser, service }) => {
  const rows: string[][] = [];
  for (const path of PAGES) {
    const visits: Visit[] = [];
    for (let round = 0; round < ROUNDS; round += 1) visits.push(await visit(browser, service.origin + path));
    const long = visits.filter((visit) => visit.longestTask > 0).length;
    rows.push([
      `\`${path}\``,
      ...(['usable', 'started', 'longestTask'] as const).map((part) => spread(visits.map((visit) => visit[part]))),
      `${long} of ${ROUNDS}`,
    ]);
  }
  table(['Slow 4G, processor 4 times slower', 'usable, ms', 'app started, ms', `longest task ≥ ${LONG_MS} ms before`, 'visits with one'], rows);
});

test('Lighthouse', async ({ service }) => {
  const rows: string[][] = [];
  for (const path of PAGES) rows.push([`\`${path}\``, ...(await lighthouse(service.origin, path))]);
  table(['Lighthouse 12, as it is set', 'performance', 'accessibility', 'best practices'], rows);
});

/** One visit in a new browser. */
async function visit(browser: Browser, url: string): Promise<Visit> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.emulateNetworkConditions', NETWORK);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: TIMES_SLOWER });
  await page.addInitScript(() => {
    const tasks: PerformanceEntry[] = [];
    Object.assign(window, { tasks });
    new PerformanceObserver((list) => tasks.push(...list.getEntries())).observe({ type: 'longtask', buffered: true });
  });
  await page.goto(url);
  await page.waitForFunction(() => performance.getEntriesByName('app-started').length > 0);
  // Observers are notified some time after the task.
  await page.evaluate(() => new Promise((done) => requestIdleCallback(done)));
  const seen = await page.evaluate(() => {
    const at = (name: string) => performance.getEntriesByName(name)[0]?.startTime ?? Infinity;
    const started = at('app-started');
    const tasks = (window as unknown as { tasks: PerformanceEntry[] }).tasks.filter((task) => task.startTime < started);
    // The form is complete HTML: it can be filled in and sent as soon as it is painted.
    return { usable: at('first-contentful-paint'), started, longestTask: Math.max(0, ...tasks.map((task) => task.duration)) };
  });
  await context.close();
  return seen;
}

/** Lighthouse's three scores, out of 100. It simulates the same network and CPU. */
async function lighthouse(origin: string, path: string): Promise<string[]> {
  const report = join(__dirname, `../output/lighthouse${path.replace('/', '-')}.json`);
  mkdirSync(join(__dirname, '../output'), { recursive: true });
  const categories = ['performance', 'accessibility', 'best-practices'];
  await promisify(execFile)(
    join(__dirname, 'node_modules/.bin/lighthouse'),
    [
      origin + path,
      '--quiet',
      '--output=json',
      `--output-path=${report}`,
      `--only-categories=${categories.join(',')}`,
      `--chrome-flags=--headless=new ${chromium.args?.join(' ')}`,
    ],
    { env: { ...process.env, CHROME_PATH: chromium.executablePath } },
  );
  const scores = (JSON.parse(readFileSync(report, 'utf8')) as { categories: Record<string, { score: number }> }).categories;
  return categories.map((category) => `${Math.round((scores[category]?.score ?? 0) * 100)}`);
}

/** The median and the range. */
function spread(values: number[]): string {
  const sorted = values.map(Math.round).sort((one, other) => one - other);
  const at = (place: number) => sorted[Math.floor((sorted.length - 1) * place)];
  return `${at(0.5)} (${at(0)} – ${at(1)})`;
}

function table(head: string[], rows: string[][]): void {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  console.log(['', line(head), line(head.map((_, column) => (column === 0 ? '---' : '--:'))), ...rows.map(line), ''].join('\n'));
}
