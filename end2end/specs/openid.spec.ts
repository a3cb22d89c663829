// The OpenID provider answers what its other tests do not send. docs/conformance.md says which modules of the OpenID
// Foundation's conformance suite send it. It is the same in every mode, so this runs once.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { APIRequestContext, APIResponse, Page } from '@playwright/test';
import { arrive, signIn, submitCode, submitEmail, submitPassword } from '../support/journeys';
import { mode } from '../support/mode';
import { SECRET } from '../support/product';
import type { Service } from '../support/service';
import { expect, test } from '../support/test';

test.beforeEach(() => test.skip(mode() !== 'scripts', 'runs once'));

type Fields = Record<string, string>;

test('a request may lack a nonce and have unknown parameters', async ({
  page,
  request,
  users,
  post,
  service,
}) => {
  await signIn(page, await users.local(), post);
  const client = await Client.of(page, request, service);
  for (const changes of [
    { nonce: '' },
    { scope: 'profile email openid' },
    { scope: 'openid address' },
    { scope: 'openid phone' },
    { scope: 'openid profile email address phone' },
    { display: 'page' },
    { display: 'popup' },
    { claims_locales: 'se' },
    { acr_values: '1 2' },
    { extra: 'foobar' },
  ] as Fields[]) {
    const what = JSON.stringify(changes);
    const response = await client.authorize(changes);
    expect(response.get('state'), what).toBe('a state');
    expect(response.get('iss'), what).toBe(service.origin);
    const tokens = await client.redeem(response.get('code'));
    const asked = changes.scope?.split(' ') ?? ['openid', 'email', 'profile'];
    const known = ['openid', 'email', 'profile'].filter((scope) => asked.includes(scope));
    expect(tokens.scope, what).toBe(known.join(' '));
    const claims = claimsOf(tokens);
    expect(claims.nonce, what).toBe('nonce' in changes ? undefined : 'a nonce');
    const digest = createHash('sha256').update(tokens.access_token ?? '').digest();
    expect(claims.at_hash, what).toBe(digest.subarray(0, 16).toString('base64url'));
  }
});

test('a product learns what belongs to its scopes', async ({ page, request, users, post, service }) => {
  const user = await users.local();
  await signIn(page, user, post);
  const client = await Client.of(page, request, service);
  const [email, profile] = [{ email: user.email, email_verified: true }, { name: user.name, updated_at: expect.any(Number) }];
  for (const [scope, claims] of [
    ['openid', {}],
    ['openid email', email],
    ['openid profile', profile],
    ['openid profile email', { ...email, ...profile }],
  ] as const) {
    const tokens = await client.redeem((await client.authorize({ scope })).get('code'));
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const expected = { sub: claimsOf(tokens).sub, ...claims };
    for (const answer of [await request.get('/oauth/userinfo', { headers }), await request.post('/oauth/userinfo', { headers })]) {
      expect(answer.status(), scope).toBe(200);
      expect(await answer.json(), scope).toEqual(expected);
    }
  }
  // Attack: a token in an address ends up in histories and logs. Nor is it read from a form.
  const tokens = await client.redeem((await client.authorize()).get('code'));
  const form = { access_token: tokens.access_token ?? '' };
  expect((await request.get('/oauth/userinfo', { params: form })).status()).toBe(401);
  expect((await request.post('/oauth/userinfo', { form })).status()).toBe(401);
});

test('a form sends a request, and never the response', async ({ page, request, users, post, service }) => {
  await signIn(page, await users.local(), post);
  const client = await Client.of(page, request, service);
  const answer = await request.post('/oauth/authorize', { form: client.fields(), maxRedirects: 0 });
  // Attack: with 307, the browser would send a form on to the product.
  expect(answer.status()).toBe(303);
  const response = await client.open(answer.headers().location ?? '');
  await client.redeem(response.get('code'));
  for (const response_mode of ['form_post', 'fragment', 'web_message']) {
    expect((await client.authorize({ response_mode })).get('error'), response_mode).toBe('invalid_request');
  }
});

test('the return to a product carries no referrer', async ({ page, users, post, service }) => {
  const [user, { product }] = [await users.local(), service];
  const returns: Promise<Fields>[] = [];
  page.on('request', (sent) => {
    if (sent.url().startsWith(`${product.origin}/callback?`)) returns.push(sent.allHeaders());
  });
  await product.signIn(page);
  await arrive(page, 'Sign in');
  await submitEmail(page, user.email);
  await arrive(page, 'Enter your password');
  await submitPassword(page, user.password);
  await arrive(page, 'Check your e-mail');
  await submitCode(page, await post.code(user.email, 6));
  await product.isSignedIn(page, user);
  const [headers, ...more] = await Promise.all(returns);
  expect(more).toEqual([]);
  expect(headers?.['user-agent']).toBeTruthy();
  expect(headers?.referer).toBeUndefined();
});

test('sign-out asks first, and returns only to a registered address', async ({
  page,
  request,
  users,
  post,
  service,
}) => {
  const user = await users.local();
  await signIn(page, user, post);
  let client = await Client.of(page, request, service);
  const { id_token } = await client.redeem((await client.authorize()).get('code'));
  const [header, claims] = (id_token ?? '').split('.');
  const { kid } = JSON.parse(Buffer.from(header ?? '', 'base64url').toString());
  for (const params of [
    {},
    { state: 'a state' },
    { id_token_hint: 'no token' },
    // Attack: a token that another party has made.
    { id_token_hint: signed({ alg: 'none', typ: 'JWT', kid }, claims, () => '') },
    { id_token_hint: signed({ alg: 'HS256', typ: 'JWT', kid }, claims, hmac) },
  ] as Fields[]) {
    const answer = await client.signOut(params);
    expect(answer.status(), JSON.stringify(params)).toBe(200);
    expect(await answer.text()).toContain('action="/oauth/logout/confirm"');
    // Attack: another site shows the question in an invisible frame.
    expect(answer.headers()['content-security-policy']).toContain("frame-ancestors 'none'");
  }
  for (const more of [{}, { post_logout_redirect_uri: `${service.product.origin}/?foo=bar` }] as Fields[]) {
    const tokens = await client.redeem((await client.authorize()).get('code'));
    const answer = await client.signOut({ id_token_hint: tokens.id_token ?? '', state: 'a state', ...more });
    expect(answer.status(), JSON.stringify(more)).toBe(303);
    expect(answer.headers().location).toBe('/signed-out');
    await page.context().clearCookies();
    await signIn(page, user, post);
    client = await Client.of(page, request, service);
  }
});

test('the metadata names only what is offered', async ({ request, service }) => {
  const answer = await request.get('/.well-known/openid-configuration');
  expect(answer.status()).toBe(200);
  expect(answer.headers()['content-type']).toContain('application/json');
  const metadata = await answer.json();
  expect(metadata).toMatchObject({
    issuer: service.origin,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    subject_types_supported: ['public', 'pairwise'],
    scopes_supported: ['openid', 'email', 'profile', 'organization', 'offline_access'],
    acr_values_supported: ['one_factor', 'two_factors'],
    ui_locales_supported: ['en', 'ar'],
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    authorization_response_iss_parameter_supported: true,
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  });
  expect(metadata.id_token_signing_alg_values_supported).not.toContain('none');
  expect(metadata).not.toHaveProperty('registration_endpoint');
  for (const [name, value] of Object.entries(metadata)) {
    if (/_endpoint$|_uri$/.test(name)) expect(value, name).toMatch(new RegExp(`^${service.origin}/`));
  }
  const { keys } = await (await request.get(metadata.jwks_uri)).json();
  for (const key of keys) {
    expect(key.kid).toBeTruthy();
    for (const secret of ['d', 'p', 'q', 'k']) expect(key).not.toHaveProperty(secret);
  }
});

test('every test that the document names exists', () => {
  const root = resolve(__dirname, '../..');
  const document = readFileSync(resolve(root, 'docs/conformance.md'), 'utf8');
  const files = new Map<string, string>();
  for (const [, prefix, file] of document.matchAll(/^\| `([\w.]+::?)` \| `([^`]+)`/gm)) {
    files.set(prefix ?? '', readFileSync(resolve(root, file ?? ''), 'utf8'));
  }
  const named = [...document.matchAll(/`(\w+::)(\w+)`|`(\w+\.spec:) ([^`]+)`/g)];
  expect(named.length).toBeGreaterThan(50);
  for (const [name, rust, rustTest, spec, title] of named) {
    const [prefix, start] = rust ? [rust, `fn ${rustTest}(`] : [spec ?? '', `test('${title}',`];
    expect(files.get(prefix)?.includes(start), name).toBe(true);
  }
});

type Tokens = { access_token?: string; id_token?: string; scope?: string };

/** The sample product's client, with a browser's session at the service. */
class Client {
  private readonly verifier = randomBytes(32).toString('base64url');

  private constructor(
    private readonly request: APIRequestContext,
    private readonly cookie: string,
    private readonly callback: string,
  ) {}

  static async of(page: Page, request: APIRequestContext, service: Service): Promise<Client> {
    const cookies = await page.context().cookies(service.origin);
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    return new Client(request, cookie, `${service.product.origin}/callback`);
  }

  /** A valid request with other values of some parameters; an empty value removes one. */
  fields(changes: Fields = {}): Fields {
    const fields = {
      client_id: 'notes',
      redirect_uri: this.callback,
      response_type: 'code',
      scope: 'openid email profile',
      state: 'a state',
      nonce: 'a nonce',
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...changes,
    };
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value));
  }

  /** Sends a request from the browser, and returns the parameters of the response. */
  authorize(changes: Fields = {}): Promise<URLSearchParams> {
    return this.open(`/oauth/authorize?${new URLSearchParams(this.fields(changes))}`);
  }

  async open(path: string): Promise<URLSearchParams> {
    const answer = await this.get(path);
    expect(answer.status()).toBe(303);
    const [address, response] = (answer.headers().location ?? '').split('?');
    expect(address).toBe(this.callback);
    return new URLSearchParams(response);
  }

  async redeem(code: string | null): Promise<Tokens> {
    const credentials = ['notes', SECRET].map(encodeURIComponent).join(':');
    const answer = await this.request.post('/oauth/token', {
      headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
      form: { grant_type: 'authorization_code', code: code ?? '', redirect_uri: this.callback, code_verifier: this.verifier },
    });
    expect(answer.status()).toBe(200);
    return answer.json();
  }

  signOut(params: Fields): Promise<APIResponse> {
    return this.get(`/oauth/logout?${new URLSearchParams(params)}`);
  }

  private get(path: string): Promise<APIResponse> {
    return this.request.get(path, { headers: { cookie: this.cookie }, maxRedirects: 0 });
  }
}

function signed(header: object, claims = '', sign: (text: string) => string): string {
  const text = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}`;
  return `${text}.${sign(text)}`;
}

function hmac(text: string): string {
  return createHmac('sha256', SECRET).update(text).digest('base64url');
}

function claimsOf({ id_token }: Tokens): Record<string, unknown> {
  return JSON.parse(Buffer.from(id_token?.split('.')[1] ?? '', 'base64url').toString());
}
