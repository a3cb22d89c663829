// Products that commands register while the service runs, with a real OpenID library. It is the same in every mode, so this runs once.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import { createRemoteJWKSet, exportJWK, jwtVerify } from 'jose';
import { signIn } from '../support/journeys';
import { mode } from '../support/mode';
import type { Service } from '../support/service';
import { expect, test } from '../support/test';

type OpenId = typeof import('openid-client');
type Configuration = import('openid-client').Configuration;

const API = 'https://api.example';

let product: Server;
let callback = '';

test.beforeEach(async ({ watch }) => {
  test.skip(mode() !== 'scripts', 'runs once');
  product = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<link rel="icon" href="data:,">'));
  await new Promise<void>((done) => product.listen(0, '127.0.0.1', done));
  callback = `http://127.0.0.1:${(product.address() as AddressInfo).port}/callback`;
  watch.allow(new RegExp(`^asked for ${callback}`));
});

test.afterEach(() => product?.close());

test('a product proves itself by a signature, and gets RS256, its own subjects and JWTs', async ({ page, users, post, service }) => {
  const openid = await import('openid-client');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keys = test.info().outputPath('keys.json');
  writeFileSync(keys, JSON.stringify({ keys: [await exportJWK(publicKey)] }));
  await register(service, 'signed', callback, ['--jwks', keys, '--id-token-alg', 'RS256', '--pairwise', '--access-token-audience', API]);
  const key = await crypto.subtle.importKey(
    'pkcs8',
    privateKey.export({ type: 'pkcs8', format: 'der' }),
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign'],
  );
  const user = await users.local();
  await signIn(page, user, post);
  const config = await discovered(openid, service, 'signed', openid.PrivateKeyJwt(key), 'RS256');
  const tokens = await authorized(openid, config, page, callback);
  const claims = tokens.claims();
  expect(claims?.email).toBe(user.email);

  const verified = await jwtVerify(tokens.access_token, createRemoteJWKSet(new URL(`${service.origin}/oauth/keys`)), {
    issuer: service.origin,
    audience: API,
    typ: 'at+jwt',
    algorithms: ['RS256'],
  });
  expect(verified.payload.sub).toBe(claims?.sub);
  const info = await openid.fetchUserInfo(config, tokens.access_token, claims?.sub ?? '');
  expect(info.email).toBe(user.email);
  expect((await openid.tokenIntrospection(config, tokens.access_token)).sub).toBe(claims?.sub);
  const shown = await service.run(['user', 'show', user.email]);
  expect(shown).not.toContain(claims?.sub ?? 'no subject');

  await service.run(['client', 'remove', 'signed', '--yes']);
  const isRefused = () => openid.tokenIntrospection(config, tokens.access_token).then(() => false, () => true);
  await expect.poll(isRefused, { message: 'the product is unknown', timeout: 15_000 }).toBe(true);
});

test('a product with a secret gets ES256, and both secrets while they overlap', async ({ page, users, post, service }) => {
  const openid = await import('openid-client');
  const first = secretIn(await register(service, 'rotated', callback, []));
  const second = secretIn(await service.run(['client', 'rotate', 'rotated', '--overlap', '1h']));
  expect(first).not.toBe(second);
  await signIn(page, await users.local(), post);
  for (const secret of [first, second]) {
    const isAccepted = async () => {
      const config = await discovered(openid, service, 'rotated', openid.ClientSecretBasic(secret), 'ES256');
      return authorized(openid, config, page, callback).then((tokens) => Boolean(tokens.claims()), () => false);
    };
    await expect.poll(isAccepted, { message: 'the secret is accepted', timeout: 15_000 }).toBe(true);
  }
});

/** Adds a product by command, and waits until the running service knows it. */
async function register(service: Service, id: string, callback: string, options: string[]): Promise<string> {
  const output = await service.run(['client', 'add', id, '--name', 'Registered', '--redirect-uri', callback, ...options]);
  const query = new URLSearchParams({ client_id: id, redirect_uri: callback });
  const isKnown = async () => (await fetch(`${service.origin}/oauth/authorize?${query}`, { redirect: 'manual' })).status;
  await expect.poll(isKnown, { message: 'the service knows it', timeout: 15_000 }).toBe(303);
  return output;
}

function secretIn(output: string): string {
  return /^client secret\t(\S+)$/m.exec(output)?.[1] ?? '';
}

async function discovered(
  openid: OpenId,
  service: Service,
  id: string,
  authentication: import('openid-client').ClientAuth,
  algorithm: string,
): Promise<Configuration> {
  const config = await openid.discovery(new URL(service.origin), id, { id_token_signed_response_alg: algorithm }, authentication, {
    execute: [openid.allowInsecureRequests],
  });
  // Verifies signatures, too.
  openid.enableNonRepudiationChecks(config);
  return config;
}

/** Sends the signed-in browser to the service and back, and redeems the code. */
async function authorized(openid: OpenId, config: Configuration, page: Page, callback: string) {
  const [verifier, nonce, state] = [openid.randomPKCECodeVerifier(), openid.randomNonce(), openid.randomState()];
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid email',
    nonce,
    state,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  await page.goto(url.href);
  expect(page.url()).toContain(callback);
  const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true };
  return openid.authorizationCodeGrant(config, new URL(page.url()), checks);
}
