// URLs, headers, cookies and sizes: everything around the flows.
import { request as ask } from 'node:http';
import { arrive, button, link, open, signIn, toResetCode } from '../support/journeys';
import { look } from '../support/look';
import { hasApp, mode } from '../support/mode';
import { SENDER_CODES } from '../support/service';
import { expect, test } from '../support/test';

const KIBIBYTE = 1024;

test('an unknown URL gets a 404 with the page layout', async ({ page, watch }) => {
  watch.allow(/status of 404 .*\/no-such-page/);
  const answer = await page.goto('/no-such-page');
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole('heading', { level: 1, name: 'Page not found' })).toBeVisible();
  await look(page, 'not-found');
  await page.getByRole('main').getByRole('link').first().click();
  await arrive(page, 'Sign in');
});

test('an error page keeps the theme, the language and the header of a signed-in user', async ({ page, users, post, watch }) => {
  watch.allow(/status of 404 .*\/no-such-page/);
  await signIn(page, await users.local(), post);
  await page.getByRole('contentinfo').getByRole('button', { name: 'Dark' }).click();
  await expect.poll(async () => (await page.context().cookies()).some(({ name }) => name === '__Host-theme')).toBe(true);
  await page.goto('/no-such-page?a=b');
  await expect(page.getByRole('heading', { level: 1, name: 'Page not found' })).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect(page.getByRole('banner').getByRole('button', { name: 'Sign out' })).toBeVisible();
  await page.getByRole('banner').getByRole('button', { name: 'العربية' }).click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'ar');
  expect(new URL(page.url()).pathname).toBe('/no-such-page');
  await page.getByRole('banner').getByRole('button', { name: 'English' }).click();
  await link(page, 'Go to your profile').click();
  await arrive(page, 'Profile');
});

test('password managers find the page to change a password', async ({ request }) => {
  const answer = await request.get('/.well-known/change-password', { maxRedirects: 0 });
  expect(answer.status()).toBe(303);
  expect(answer.headers().location).toBe('/security/password');
  const probe = '/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200';
  expect((await request.get(probe)).status()).toBe(404);
});

test('health and readiness are reported', async ({ request }) => {
  for (const path of ['/healthz', '/readyz']) expect((await request.get(path)).status(), path).toBe(200);
});

test('the start page redirects to sign-in', async ({ page }) => {
  await page.goto('/');
  await arrive(page, 'Sign in');
  expect(new URL(page.url()).pathname).toBe('/signin');
});

test('the privacy and accessibility pages are public', async ({ page }) => {
  for (const [path, heading, state] of [
    ['/privacy', 'Privacy notice', 'privacy'],
    ['/accessibility', 'Accessibility', 'accessibility'],
  ] as const) {
    await open(page, path, heading);
    await look(page, state);
  }
});

const READING = [
  ['/help', 'Help'],
  ['/help/allowlist', 'Allowlist our e-mails'],
  ['/privacy', 'Privacy notice'],
  ['/accessibility', 'Accessibility'],
  ['/signed-out', 'You’re signed out'],
  ['/no-such-page', 'Page not found'],
] as const;

test('a content page loads no app', async ({ page, watch }) => {
  watch.allow(/status of 404 .*\/no-such-page/);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  for (const [path, heading] of READING) {
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1, name: heading, exact: true })).toBeVisible();
    await page.waitForLoadState('networkidle');
    expect(asked.filter((url) => /\.(js|wasm|txt)$/.test(url)), path).toEqual([]);
    const scripts = await page.locator('script').allTextContents();
    expect(scripts.join('').length, `bytes of script on ${path}`).toBeLessThanOrEqual(2_000);
  }
});

test('a content page can copy, print and change its theme', async ({ page, context }) => {
  test.skip(mode() === 'no-scripts', 'they take a script');
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.addInitScript(() => (window.print = () => (document.title = 'printed')));
  await open(page, '/help/allowlist', 'Allowlist our e-mails');

  await button(page, `Copy ${SENDER_CODES}`).first().click();
  await expect(page.getByRole('status')).toHaveText('Copied');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(SENDER_CODES);

  await button(page, 'Print this page').click();
  await expect(page).toHaveTitle('printed');

  const dark = page.getByRole('contentinfo').getByRole('button', { name: 'Dark' });
  await dark.click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect(dark).toHaveAttribute('aria-pressed', 'true');
  await expect(page, 'without a load').toHaveTitle('printed');
  await expect.poll(async () => (await page.context().cookies()).some(({ name }) => name === '__Host-theme')).toBe(true);
});

test('a cross-site form is refused with the page layout', async ({ page, service, watch }) => {
  watch.allow(/status of 403 .*\/api\/sign_in\/begin/);
  const elsewhere = 'http://elsewhere.test/';
  await page.route(elsewhere, (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<form method="post" action="${service.origin}/api/sign_in/begin"><input name="email" value="a@example.com"><button>Go</button></form>`,
    }),
  );
  watch.allow(/asked for http:\/\/elsewhere\.test/);
  await page.goto(elsewhere);
  await page.getByRole('button', { name: 'Go' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'This isn’t allowed' })).toBeVisible();
  await look(page, 'forbidden');
});

test('every page has security headers', async ({ request }) => {
  for (const path of ['/signin', '/reset', '/signup', '/signed-out', '/help', '/help/allowlist', '/no-such-page']) {
    const headers = (await request.get(path)).headers();
    const policy = headers['content-security-policy'] ?? '';
    for (const part of ["frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'", "form-action 'self'"]) {
      expect(policy, path).toContain(part);
    }
    expect(policy, path).not.toContain('unsafe-inline');
    expect(policy, path).not.toContain("'unsafe-eval'");
    expect(headers['x-content-type-options'], path).toBe('nosniff');
    expect(headers['referrer-policy'], path).toBe('same-origin');
    expect(headers['cross-origin-opener-policy'], path).toBe('same-origin');
    expect(headers['cache-control'], path).toContain('no-store');
  }
});

test('a script runs only with its page’s nonce', async ({ request }) => {
  const nonce = async () => {
    const policy = (await request.get('/signin')).headers()['content-security-policy'] ?? '';
    return /'nonce-([^']+)'/.exec(policy)?.[1];
  };
  const [first, second] = [await nonce(), await nonce()];
  expect(first).toBeTruthy();
  expect(first).not.toBe(second);
});

test('cookies are host-only and hidden from scripts', async ({ page, users, post }) => {
  const user = await users.local();
  await toResetCode(page, user.email);
  await post.code(user.email, 8);
  await page.context().clearCookies();
  await signIn(page, user, post, { trust: true });
  const cookies = await page.context().cookies();
  expect(cookies.map((cookie) => cookie.name)).toContain('__Host-session');
  for (const cookie of cookies) {
    expect(cookie.name).toMatch(/^__Host-/);
    expect(cookie, cookie.name).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Lax', path: '/' });
    expect(cookie.expires * 1000, cookie.name).toBeLessThan(Date.now() + 400 * 24 * 3_600_000);
  }
});

test('the sign-in page is usable after 15 KB in three requests', async ({ page, service }) => {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await open(page, '/signin', 'Sign in');
  const stylesheets = await page.locator('link[rel=stylesheet]').evaluateAll((links) => links.map((link) => (link as HTMLLinkElement).href));
  const needed = asked.filter((url) => !/\.(js|wasm|txt)$/.test(url) && !url.endsWith('.svg') && !url.endsWith('.ico'));
  expect(needed.length, needed.join(' ')).toBeLessThanOrEqual(3);
  expect(needed).toEqual([`${service.origin}/signin`, ...stylesheets]);
  if (mode() === 'no-scripts') expect(asked.filter((url) => /\.(js|wasm|txt)$/.test(url)), 'nothing for scripts').toEqual([]);

  let bytes = 0;
  for (const url of needed) bytes += await compressedBytes(url);
  test.info().annotations.push({ type: 'bytes', description: `${bytes} bytes of brotli in ${needed.length} requests` });
  expect(bytes).toBeLessThanOrEqual(15 * KIBIBYTE);
});

test('the app loads after the first paint without a layout shift', async ({ page }) => {
  test.skip(!hasApp(), 'there is no app');
  await page.addInitScript(() => {
    const shifts: number[] = [];
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shifts.push((entry as PerformanceEntry & { value: number }).value);
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await open(page, '/signin', 'Sign in');
  const { painted, asked, shifts } = await page.evaluate(() => ({
    painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity,
    asked: performance.getEntriesByType('resource').find((entry) => entry.name.endsWith('.wasm'))?.startTime ?? -1,
    shifts: (window as unknown as { shifts: number[] }).shifts,
  }));
  expect(asked, 'the WASM is asked for after the first paint').toBeGreaterThan(painted);
  expect(shifts.reduce((sum, shift) => sum + shift, 0), 'layout shift').toBeLessThan(0.01);
});

test('static files are cached permanently under names that change with their content', async ({ page, request }) => {
  await open(page, '/signin', 'Sign in');
  const stylesheet = await page.locator('link[rel=stylesheet]').getAttribute('href');
  expect(stylesheet).toMatch(/^\/pkg\/.+[.-][0-9a-f]{8,}\.css$/);
  const headers = (await request.get(stylesheet ?? '')).headers();
  expect(headers['cache-control']).toContain('immutable');
});

test('all links in the page layout work', async ({ page, request }) => {
  await open(page, '/signin', 'Sign in');
  const links = page.locator('header a, footer a, main a');
  const addresses = await links.evaluateAll((found) => found.map((link) => (link as HTMLAnchorElement).pathname));
  for (const address of new Set(addresses)) expect((await request.get(address)).status(), address).toBeLessThan(400);
});

function compressedBytes(url: string): Promise<number> {
  return new Promise((done, failed) => {
    const headers = { 'Accept-Encoding': 'br', Accept: '*/*' };
    const asked = ask(url, { headers }, (answer) => {
      let bytes = 0;
      answer.on('data', (part: Buffer) => (bytes += part.length));
      answer.on('end', () =>
        answer.headers['content-encoding'] === 'br' ? done(bytes) : failed(new Error(`${url} is not compressed`)),
      );
    });
    asked.on('error', failed);
    asked.end();
  });
}
