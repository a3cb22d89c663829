// The samples in docs/products.md work. They are the same in every mode, so they run once.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { DOCUMENT, sample } from '../support/documents';
import { signIn } from '../support/journeys';
import { mode } from '../support/mode';
import { freePort, type Service } from '../support/service';
import { expect, test } from '../support/test';

const END2END = resolve(__dirname, '..');
const RUST = resolve(END2END, process.env.RUST_SAMPLE ?? '../target/debug/examples/product');
const PYTHON = resolve(END2END, process.env.AUTHLIB_PYTHON ?? '../target/authlib/bin/python');

test.beforeEach(() => test.skip(mode() !== 'scripts', 'runs once'));

test('the Node sample is the code of the sample product', () => {
  const product = readFileSync(resolve(END2END, 'product/notes.mjs'), 'utf8');
  const parts = sample('Node').split(/^ *…\n/m);
  expect(parts.length).toBe(3);
  for (const part of parts) expect(product).toContain(part);
});

test('the Rust sample signs in', async ({ page, users, post, service, watch }) => {
  const program = readFileSync(resolve(END2END, '../server/examples/product.rs'), 'utf8');
  const parts = sample('Rust').split(/^ *…\n/m);
  expect(parts.length).toBe(2);
  for (const part of parts) expect(program).toContain(part);
  const user = await users.local();
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  watch.allow(new RegExp(`^asked for ${origin}/`));
  watch.allow(/favicon\.ico/);
  const env = { ISSUER: service.origin, CLIENT_ID: 'public', PORT: String(port) };
  const product = spawn(RUST, { env, stdio: 'ignore' });
  try {
    await responds(origin, `${RUST} serves the sample`);
    await signIn(page, user, post);
    await page.goto(origin);
    await page.getByRole('link', { name: 'Sign in' }).click();
    await expect(page.locator('body')).toHaveText(`You’re signed in as ${user.email}.`);
    // A response of another sign-in is refused.
    await page.goto(`${origin}/callback?code=stolen&state=other&iss=${encodeURIComponent(service.origin)}`);
    await expect(page.locator('body')).toHaveText('The response belongs to another sign-in.');
  } finally {
    product.kill();
  }
});

test('the Python sample signs in', async ({ page, users, post, service, watch }) => {
  const user = await users.local();
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  watch.allow(new RegExp(`^asked for ${origin}/`));
  watch.allow(/favicon\.ico/);
  const file = test.info().outputPath('product.py');
  writeFileSync(file, configured('Python', service, port));
  const product = spawn(PYTHON, [file], { stdio: 'ignore' });
  try {
    await responds(origin, `${PYTHON} serves the sample`);
    await signIn(page, user, post);
    await page.goto(origin);
    await page.getByRole('link', { name: 'Sign in' }).click();
    await expect(page.locator('body')).toHaveText(`You’re signed in as ${user.email}.`);
    expect(page.url()).toBe(`${origin}/`);
  } finally {
    product.kill();
  }
});

test('the sample of a single-page app signs in', async ({ browser, baseURL, users, post, service, watch }) => {
  const user = await users.local();
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  watch.allow(new RegExp(`^asked for ${origin}/`));
  const folder = test.info().outputPath();
  writeFileSync(resolve(folder, 'app.js'), configured('Single-page app', service, port));
  const bundle = /`(npx esbuild [^`]+)`/.exec(DOCUMENT)?.[1] ?? '';
  execFileSync('sh', ['-c', bundle], { cwd: folder, stdio: 'ignore' });
  const script = readFileSync(resolve(folder, 'bundle.js'));
  const app = createServer((request, response) =>
    request.url === '/bundle.js'
      ? response.setHeader('content-type', 'text/javascript').end(script)
      : response.setHeader('content-type', 'text/html; charset=utf-8').end(PAGE),
  );
  app.listen(port, '127.0.0.1');
  // Without the header of this test's network address: browsers ask the service whether scripts may send it.
  const context = await browser.newContext({ baseURL, extraHTTPHeaders: {} });
  watch.follow(context);
  try {
    const page = await context.newPage();
    await signIn(page, user, post);
    await page.goto(origin);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.locator('body')).toHaveText(`You’re signed in as ${user.email}.`);
    expect(page.url()).toBe(`${origin}/`);
  } finally {
    await context.close();
    app.close();
  }
});

test('make run starts the sample product with the server, and stops it', async () => {
  const root = resolve(END2END, '..');
  const env = { ...process.env, PORT: String(await freePort()) };
  const origin = `http://127.0.0.1:${env.PORT}`;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const beside = spawn('.ci/product', ['sleep', '600'], { cwd: root, env, stdio: 'ignore' });
    const ended = once(beside, 'exit');
    await responds(origin, 'the sample product runs');
    // Its port is taken, so the next server runs alone.
    const alone = execFileSync('.ci/product', ['echo', 'the server runs'], { cwd: root, env, encoding: 'utf8' });
    expect(alone).toBe(`The sample product is not started: port ${env.PORT} is taken.\nthe server runs\n`);
    beside.kill(signal);
    await ended;
    await expect(fetch(origin)).rejects.toThrow();
  }
});

async function responds(origin: string, message: string): Promise<void> {
  const isReady = async () => (await fetch(origin).catch(() => undefined))?.ok;
  await expect.poll(isReady, { message, timeout: 30_000, intervals: [100] }).toBe(true);
}

const PAGE = `<!doctype html><html lang="en"><title>Sample</title><link rel="icon" href="data:,">
<button>Sign in</button><script type="module" src="/bundle.js"></script></html>`;

/** The code with the addresses of this test, as a client without a secret. */
function configured(heading: string, service: Service, port: number): string {
  return sample(heading)
    .replace('http://127.0.0.1:3000', service.origin)
    .replaceAll('3001', String(port))
    .replace(/(['"])notes\1/, '$1public$1');
}
