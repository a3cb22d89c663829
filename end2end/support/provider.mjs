// An OpenID provider for one worker: npm's `oidc-provider` with a page of its own for signing in.
// node provider.mjs PORT CLIENT_ID CLIENT_SECRET REDIRECT_ADDRESS
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [port, clientId, clientSecret, redirectAddress] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

// The account's id has its claims: subject, address, and whether the provider has verified it.
const provider = new Provider(issuer, {
  clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectAddress] }],
  claims: { email: ['email', 'email_verified'], profile: ['name'] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  cookies: { keys: ['only for tests'] },
  ttl: { Session: 3600, Interaction: 3600, Grant: 3600, IdToken: 600, AccessToken: 600, AuthorizationCode: 60 },
  findAccount: (_, accountId) => ({
    accountId,
    claims: () => {
      const { sub, email, email_verified } = JSON.parse(Buffer.from(accountId, 'base64url').toString());
      return { sub: accountId.slice(0, 200), email, email_verified, name: `Robin ${sub}` };
    },
  }),
  loadExistingGrant: async (context) => {
    const { client, session } = context.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid email profile');
    await grant.save();
    return grant;
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
});

const callback = provider.callback();

createServer(async (request, response) => {
  if (request.url === '/favicon.ico') return response.writeHead(204).end();
  if (!request.url.startsWith('/interaction/')) return callback(request, response);
  if (request.method === 'GET') return response.setHeader('content-type', 'text/html').end(page(request.url));
  const fields = new URLSearchParams(await body(request));
  const account = { sub: fields.get('email'), email: fields.get('email'), email_verified: fields.get('unverified') === null };
  const accountId = Buffer.from(JSON.stringify(account)).toString('base64url');
  const canceled = { error: 'access_denied', error_description: 'canceled' };
  const result = fields.get('do') === 'cancel' ? canceled : { login: { accountId } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}).listen(Number(port), '127.0.0.1');

const page = (action) => `<!doctype html><html lang="en"><title>Test provider</title><h1>Test provider</h1>
<form method="post" action="${action}">
<label>E-mail at the provider <input name="email"></label>
<label><input type="checkbox" name="unverified"> Not verified</label>
<button name="do" value="continue">Continue</button> <button name="do" value="cancel">Cancel</button>
</form></html>`;

async function body(request) {
  let text = '';
  for await (const part of request) text += part;
  return text;
}
