// The peer of `make bench`: npm's `oidc-provider` with the client of the benchmark, and a new user for each
// sign-in, who is asked nothing.
// node oidc-provider.mjs PORT CLIENT_SECRET
// Its state is in memory. It prints its version when it listens.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [port, clientSecret] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'bench',
      client_secret: clientSecret,
      token_endpoint_auth_method: 'client_secret_post',
      redirect_uris: ['http://127.0.0.1/callback'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' }] },
  cookies: { keys: ['only for benchmarks'] },
  claims: { email: ['email', 'email_verified'] },
  // As Rekey does, it puts the address into the ID token.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  ttl: { Session: 86400, Interaction: 3600, Grant: 86400, IdToken: 3600, AccessToken: 3600, AuthorizationCode: 60 },
  routes: { authorization: '/oauth/authorize', token: '/oauth/token' },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId, email: `${accountId}@example.com`, email_verified: true }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
});

const callback = provider.callback();
let users = 0;

createServer(async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return callback(request, response);
  const accountId = `signer${users++}`;
  const grant = new provider.Grant({ clientId: 'bench', accountId });
  grant.addOIDCScope('openid email');
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}).listen(Number(port), '127.0.0.1', () => {
  const about = readFileSync(new URL('../node_modules/oidc-provider/package.json', import.meta.url), 'utf8');
  console.log(`oidc-provider ${JSON.parse(about).version} on Node ${process.versions.node}`);
});
