// Notes, a sample product whose users sign in through Rekey. It keeps its sessions in memory.
// From the environment: ISSUER, CLIENT_ID, CLIENT_SECRET (none for a public client), PORT.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as openid from 'openid-client';

const { ISSUER = 'http://127.0.0.1:3000', CLIENT_ID = 'notes', CLIENT_SECRET, PORT = '3001' } = process.env;
const HOST = `127.0.0.1:${PORT}`;
const ORIGIN = `http://${HOST}`;
const SESSION = 'notes';
const ATTEMPT = 'notes-attempt';
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** Sessions by the random id in the browser's cookie. */
const sessions = new Map();

const routes = {
  'GET /': home,
  'GET /login': login,
  'GET /callback': callback,
  'POST /refresh': refresh,
  'POST /logout': logout,
  'POST /backchannel': backchannel,
};

createServer(async (request, response) => {
  // One host name, because cookies of `localhost` don't reach 127.0.0.1.
  if (request.headers.host !== HOST) return redirect(response, `${ORIGIN}/`);
  const route = routes[`${request.method} ${request.url.split('?')[0]}`];
  if (!route) return page(response, 404, '<h1>Page not found</h1>');
  try {
    await route(request, response);
  } catch (error) {
    console.error(error.message);
    page(response, 500, '<h1>Something went wrong</h1><p><a href="/">Try again</a></p>');
  }
}).listen(Number(PORT), '127.0.0.1', () => console.log(`Notes: ${ORIGIN}`));

function home(request, response) {
  const { claims } = sessions.get(cookie(request, SESSION)) ?? {};
  if (!claims) return page(response, 200, '<h1>Notes</h1><p><a href="/login">Sign in</a></p>');
  const who = claims.name ? `${claims.name} (${claims.email})` : claims.email;
  page(
    response,
    200,
    `<h1>Notes</h1>
<p>You’re signed in as ${escaped(who)}.</p>
<form method="post" action="/refresh"><button>Refresh</button></form>
<form method="post" action="/logout"><button>Sign out</button></form>
<p><a href="${escaped(ISSUER)}/security">Account security</a></p>`,
  );
}

async function login(_, response) {
  const [state, nonce, verifier] = [openid.randomState(), openid.randomNonce(), openid.randomPKCECodeVerifier()];
  const url = openid.buildAuthorizationUrl(await provider(), {
    redirect_uri: `${ORIGIN}/callback`,
    // `offline_access` is for the refresh token.
    scope: 'openid email profile offline_access',
    state,
    nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  redirect(response, url, [[ATTEMPT, [state, nonce, verifier].join('.')]]);
}

async function callback(request, response) {
  const [expectedState, expectedNonce, pkceCodeVerifier] = cookie(request, ATTEMPT).split('.');
  const checks = { expectedState, expectedNonce, pkceCodeVerifier, idTokenExpected: true };
  let tokens;
  try {
    // Attack: a link with another user's response. It has another state than this browser's attempt.
    tokens = await openid.authorizationCodeGrant(await provider(), new URL(request.url, ORIGIN), checks);
  } catch (error) {
    console.error(error.message);
    return page(response, 400, '<h1>You aren’t signed in</h1><p><a href="/login">Try again</a></p>');
  }
  const id = randomUUID();
  sessions.set(id, sessionOf(tokens));
  redirect(response, '/', [[SESSION, id], [ATTEMPT, '']]);
}

async function refresh(request, response) {
  const id = cookie(request, SESSION);
  const session = sessions.get(id);
  if (session) {
    try {
      const tokens = await openid.refreshTokenGrant(await provider(), session.refreshToken);
      // A session that has ended meanwhile stays ended.
      if (sessions.has(id)) sessions.set(id, sessionOf(tokens));
    } catch (error) {
      if (error.error !== 'invalid_grant') throw error;
      sessions.delete(id);
    }
  }
  redirect(response, '/');
}

/** Signs out here and at Rekey (OpenID Connect RP-Initiated Logout 1.0). */
async function logout(request, response) {
  const id = cookie(request, SESSION);
  const session = sessions.get(id);
  sessions.delete(id);
  if (!session) return redirect(response, '/');
  const parameters = { id_token_hint: session.idToken, post_logout_redirect_uri: `${ORIGIN}/` };
  redirect(response, openid.buildEndSessionUrl(await provider(), parameters), [[SESSION, '']]);
}

/** Ends the sessions that a logout token names (OpenID Connect Back-Channel Logout 1.0). */
async function backchannel(request, response) {
  const token = new URLSearchParams(await body(request)).get('logout_token') ?? '';
  let ended;
  try {
    ended = await readLogoutToken(token);
  } catch (error) {
    console.error(error.message);
    return response.writeHead(400).end();
  }
  for (const [id, { claims }] of sessions) {
    if (ended.sid ? claims.sid === ended.sid : claims.sub === ended.sub) sessions.delete(id);
  }
  response.writeHead(200, { 'cache-control': 'no-store' }).end();
}

async function readLogoutToken(token) {
  const keys = await providerKeys();
  const { payload } = await jwtVerify(token, keys, {
    issuer: ISSUER,
    audience: CLIENT_ID,
    algorithms: ['ES256'],
    // Attack: an ID token is sent as a logout token.
    typ: 'logout+jwt',
    requiredClaims: ['iat', 'exp', 'jti', 'events'],
  });
  const isLogout = payload.events[LOGOUT_EVENT] && !('nonce' in payload) && (payload.sid ?? payload.sub);
  if (!isLogout) throw new Error('not a logout token');
  return payload;
}

function sessionOf(tokens) {
  return { claims: tokens.claims(), idToken: tokens.id_token, refreshToken: tokens.refresh_token };
}

let discovered;

/** Reads the provider's metadata once, at the first use. */
function provider() {
  const authentication = CLIENT_SECRET ? openid.ClientSecretBasic(CLIENT_SECRET) : openid.None();
  const execute = [openid.enableNonRepudiationChecks];
  // Attack: someone on the network reads the codes. Without TLS only on this machine.
  if (ISSUER.startsWith('http://127.0.0.1:')) execute.push(openid.allowInsecureRequests);
  discovered ??= openid
    .discovery(new URL(ISSUER), CLIENT_ID, undefined, authentication, { execute })
    .catch((error) => {
      discovered = undefined;
      throw error;
    });
  return discovered;
}

let keys;

async function providerKeys() {
  const metadata = (await provider()).serverMetadata();
  return (keys ??= createRemoteJWKSet(new URL(metadata.jwks_uri)));
}

function cookie(request, name) {
  const pairs = (request.headers.cookie ?? '').split('; ').map((pair) => pair.split('='));
  return pairs.find(([known]) => known === name)?.[1] ?? '';
}

/** Redirects and sets cookies; an empty value deletes one. Attack: a form of another site; `SameSite` keeps the cookie from it. */
function redirect(response, url, cookies = []) {
  const set = cookies.map(([name, value]) => `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${value ? '' : '; Max-Age=0'}`);
  response.writeHead(303, { location: String(url), 'set-cookie': set }).end();
}

function page(response, status, content) {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
  });
  response.end(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Notes</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>:root { color-scheme: light dark; background: Canvas; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 40rem; margin: auto; padding: 1rem; overflow-wrap: anywhere }
button { font: inherit; padding: .25rem 1rem; margin-block: .25rem }</style></head>
<body><main>${content}</main></body></html>
`);
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

async function body(request) {
  let text = '';
  for await (const part of request) {
    text += part;
    if (text.length > 16_384) throw new Error('the body is too long');
  }
  return text;
}
