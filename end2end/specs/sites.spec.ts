// Programs that speak no OpenID, behind nginx and Caddy with the samples in `deploy/sites`.
import { request as http } from 'node:http';
import { join } from 'node:path';
import type { BrowserContext, Page } from '@playwright/test';
import { arrive, button, link, signIn, submitCode, submitEmail, submitPassword } from '../support/journeys';
import { look } from '../support/look';
import { mode } from '../support/mode';
import { Site, type Proxy } from '../support/site';
import { expect, test } from '../support/test';

type Seen = { method: string; url: string; headers: [string, string][] };

for (const kind of ['nginx', 'caddy'] as Proxy[]) {
  test.describe(kind, () => {
    let site: Site | undefined;
    const origin = () => site?.origin ?? '';
    test.beforeAll(async ({ service }, info) => {
      // The proxies behave the same in every mode; the pages at a site have no scripts.
      test.skip(mode() === 'no-wasm' || (kind === 'caddy' && mode() !== 'scripts'), 'runs once');
      site = await Site.start(kind, service.sitePort, service.origin, join(info.project.outputDir, `site-${kind}-${info.workerIndex}`));
    });
    test.afterAll(() => site?.stop());
    test.beforeEach(({ watch }) => watch.allow(/status of 40[013]/));

    test('a user signs in to the site, and is signed out there with the account', async ({ page, users, post }) => {
      const user = await users.local();
      await page.goto(`${origin()}/page?a=b&c=%20d`);
      await arrive(page, 'Sign in');
      await expect(page.getByRole('main')).toContainText('to continue to Wiki');
      await submitEmail(page, user.email);
      await submitPassword(page, user.password);
      await submitCode(page, await post.code(user.email, 6));
      await expect(page.getByRole('heading', { name: 'Wiki' })).toBeVisible();
      const { url, headers } = await seen(page);
      expect([url, page.url()]).toEqual(['/page?a=b&c=%20d', `${origin()}/page?a=b&c=%20d`]);
      expect(values(headers, 'HTTP_X_AUTH_EMAIL')).toEqual([user.email]);
      expect(values(headers, 'HTTP_X_AUTH_SUBJECT')).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);

      await test.step('a part of the site is for others', async () => {
        const answer = await page.goto(`${origin()}/admin`);
        expect(answer?.status()).toBe(403);
        await arrive(page, 'You can’t open this page');
        await expect(page.getByRole('main')).toContainText(`You’re signed in as ${user.email}.`);
        if (kind === 'nginx') await look(page, 'site-forbidden');
      });

      await test.step('sign out from there', async () => {
        await link(page, 'Use another account').click();
        await arrive(page, 'Sign out?');
        await button(page, 'Sign out').click();
        await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible();
      });
    });

    test('a form that is sent without a session says so', async ({ page, users, post, context }) => {
      const user = await users.local();
      await signIn(page, user, post);
      await page.goto(`${origin()}/`);
      await expect(page.getByRole('heading', { name: 'Wiki' })).toBeVisible();
      await forget(context);
      await page.getByRole('button', { name: 'Save' }).click();
      await arrive(page, 'You’re signed out');
    });

    test('a hand-over that fails says what to do', async ({ page }) => {
      const answer = await page.goto(`${origin()}/.rekey/return?code=stolen&state=/page`);
      expect(answer?.status()).toBe(400);
      await arrive(page, 'Sign-in didn’t finish');
      if (kind === 'nginx') await look(page, 'site-unfinished');
      await link(page, 'Try again').click();
      await arrive(page, 'Sign in');
    });

    test('a client cannot say who it is, nor where it goes', async ({ page, users, post, context }) => {
      const user = await users.local();
      await signIn(page, user, post);
      await page.goto(`${origin()}/`);
      await expect(page.getByRole('heading', { name: 'Wiki' })).toBeVisible();
      const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
      const forged = 'forged@example.com';
      const names = ['X-Auth-Email', 'x-auth_email', 'X_Auth_Email', 'X_AUTH-Email', 'X.Auth.Email', 'X~Auth-Email', 'X-Auth-Groups', 'X-Auth_Groups'];
      const paths = ['X-Original-URL', 'X-Rewrite-URL', 'X-Original_URL', 'X_Rewrite_URL', 'X-Forwarded-Prefix'];
      const { status, body } = await get(origin(), '/', { cookie }, [
        ...names.map((name) => [name, forged] as [string, string]),
        ...paths.map((name) => [name, '/admin'] as [string, string]),
        ['X-Forwarded-Uri', '/admin'],
        ['X-Forwarded-Host', 'evil.example'],
      ]);
      expect(status).toBe(200);
      const { headers } = JSON.parse(body) as Seen;
      expect(values(headers, 'HTTP_X_AUTH_EMAIL')).toEqual([user.email]);
      expect(JSON.stringify(headers)).not.toContain(forged);
      expect(headers.filter(([, value]) => value === '/admin' || value.includes('evil'))).toEqual([]);

      for (const path of ['/admin', '/x/../admin', '//admin', '/%61dmin', '/a%2fadmin', '/admin;x', '/index.php/admin', '/admin.json', '/admin%3Fx']) {
        expect((await get(origin(), path, { cookie })).status, path).toBe(403);
      }
      // Attack: the path in these headers is checked instead of the requested one.
      const spoofed = await get(origin(), '/admin', { cookie }, [['X-Forwarded-Uri', '/'], ['X-Original-URL', '/']]);
      expect(spoofed.status).toBe(403);
      // Attack: the proxy removes the headers that it has set itself.
      const dropped = await get(origin(), '/', { cookie, connection: 'close, X-Auth-Email, X-Auth-Subject' });
      expect(values((JSON.parse(dropped.body) as Seen).headers, 'HTTP_X_AUTH_EMAIL')).toEqual([user.email]);
      // Attack: the proxy chooses the site by one host, and asks about another, which the user may enter.
      const { host, port } = new URL(origin());
      for (const [line, named] of [
        [`http://localhost:${port}/`, host],
        [`http://${host}/admin`, `localhost:${port}`],
        ['/', `localhost:${port}`],
        ['/', 'evil.example'],
      ] as const) {
        const answer = await get(origin(), line, { cookie }, [], named);
        if (answer.body) expect((JSON.parse(answer.body) as Seen).url, line).toBe('/');
        expect([answer.status, answer.body], `${line} at ${named}`).not.toEqual([200, expect.stringContaining('/admin')]);
        if (kind === 'nginx' && !line.includes(host)) expect(answer.status, `${line} at ${named}`).toBe(421);
      }
      for (const headers of [{ 'sec-fetch-mode': 'cors' }, { 'sec-fetch-mode': 'no-cors' }]) {
        const polled = await get(origin(), '/', headers);
        expect([polled.status, polled.location]).toEqual([401, undefined]);
      }
      for (const wrong of ['', '__Host-rekey-site=wrong', `__Host-rekey-site=${'a'.repeat(5_000)}`]) {
        expect((await get(origin(), '/', { cookie: wrong })).status).toBeGreaterThanOrEqual(303);
      }
    });
  });
}

function values(headers: [string, string][], name: string): string[] {
  return headers.filter(([known]) => `HTTP_${known}` === name).map(([, value]) => value);
}

async function seen(page: Page): Promise<Seen> {
  return JSON.parse(await page.locator('pre').innerText()) as Seen;
}

/** Removes the browser's session at the site. */
async function forget(context: BrowserContext): Promise<void> {
  await context.clearCookies({ name: '__Host-rekey-site' });
}

/** Sends a request as it is: browsers and `fetch` change paths and headers. Returns what the program saw. */
function get(
  origin: string,
  path: string,
  headers: Record<string, string>,
  raw: [string, string][] = [],
  named = new URL(origin).host,
): Promise<{ status: number; body: string; location: string | undefined }> {
  const { hostname, port } = new URL(origin);
  return new Promise((done, failed) => {
    const list = ['host', named, ...Object.entries(headers).flat(), ...raw.flat()];
    const asked = http({ hostname, port, path, headers: list as unknown as Record<string, string>, insecureHTTPParser: true }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        const body = /<pre>([^]*)<\/pre>/.exec(text)?.[1] ?? '';
        done({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          body: body.replaceAll('&lt;', '<').replaceAll('&amp;', '&'),
        });
      });
    });
    asked.on('error', failed).end();
  });
}
