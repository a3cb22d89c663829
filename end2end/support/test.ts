// The `test` function of every spec: a server for each worker; a client address, accounts and mailboxes for
// each test.
import { test as base, type Page } from '@playwright/test';
import { equip, mode } from './mode';
import { Users } from './users';
import { Post } from './post';
import { Secrets } from './secrets';
import { Service } from './service';
import { Watch, tellViolations } from './watch';

export { expect } from '@playwright/test';

type Each = {
  /** The network address of this test. */
  client: string;
  secrets: Secrets;
  users: Users;
  post: Post;
  /** Fails the test for problems that users don't see; see `watch.ts`. */
  watch: Watch;
  /** A page in a separate browser without cookies. */
  anotherBrowser: () => Promise<Page>;
};

let clients = 0;

export const test = base.extend<Each, { service: Service }>({
  service: [
    async ({}, use, worker) => {
      const service = await Service.start(worker.workerIndex);
      await use(service);
      await service.stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  baseURL: ({ service }, use) => use(service.origin),
  client: async ({}, use) => {
    clients += 1;
    await use(`10.0.${clients >> 8}.${clients & 255}`);
  },
  extraHTTPHeaders: ({ client }, use) => use({ 'X-Forwarded-For': client }),
  secrets: ({}, use) => use(new Secrets()),
  users: ({ service, secrets }, use) => use(new Users(service, secrets)),
  post: ({ service, secrets }, use) => use(new Post(service.origin, secrets)),
  watch: [
    async ({ context, service, secrets }, use) => {
      const watch = new Watch(service, mode(), secrets);
      watch.follow(context);
      await use(watch);
      await watch.end();
    },
    { auto: true },
  ],
  context: async ({ context }, use) => {
    await equip(context);
    if (mode() !== 'no-scripts') await context.addInitScript(tellViolations);
    await use(context);
  },
  anotherBrowser: async ({ browser, baseURL, extraHTTPHeaders, watch, locale }, use) => {
    const opened: { close(): Promise<void> }[] = [];
    await use(async () => {
      const javaScriptEnabled = mode() !== 'no-scripts';
      const context = await browser.newContext({ baseURL, extraHTTPHeaders, javaScriptEnabled, locale, timezoneId: 'UTC' });
      opened.push(context);
      await equip(context);
      watch.follow(context);
      return context.newPage();
    });
    for (const context of opened) await context.close();
  },
});
