// An OpenID provider (node oidc-provider) for tests: people as Entra ID and others tell of them. It listens on a port of
// its own choosing, prints its address, and is told by POST /test what to change: keys, people. Bound to this machine.
import http from 'node:http';
import Provider from 'oidc-provider';
import * as jose from 'jose';

const redirects = process.argv.slice(2);
const people = new Map();
const claims = ['tid', 'oid', 'preferred_username', 'roles', 'groups', '_claim_names', 'name', 'email', 'email_verified'];

async function key(kid) {
  const { privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
  return { ...(await jose.exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' };
}

let provider;
async function begin(issuer, kid) {
  provider = new Provider(issuer, {
    jwks: { keys: [await key(kid)] },
    clients: [
      {
        client_id: 'gw', client_secret: 'a secret of the client', redirect_uris: redirects, post_logout_redirect_uris: redirects.map((r) => new URL('/ui/login', r).href),
        response_types: ['code'], grant_types: ['authorization_code'],
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub', ...claims] },
    conformIdTokenClaims: false,
    scopes: ['openid', 'profile', 'email'],
    features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people.get(id) }) }),
    cookies: { keys: ['of a test'] },
  });
}

const server = http.createServer(async (req, res) => {
  if (req.method === 'POST' && req.url === '/test') {
    let text = '';
    for await (const chunk of req) text += chunk;
    const say = JSON.parse(text);
    for (const [id, who] of Object.entries(say.people ?? {})) people.set(id, who);
    if (say.kid) await begin(provider.issuer, say.kid);
    res.end('{}');
    return;
  }
  provider.callback()(req, res);
});
server.listen(0, '127.0.0.1', async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  await begin(issuer, 'first');
  console.log(`listening ${issuer}`);
});
process.stdin.on('end', () => process.exit(0)).resume(); // it ends with who started it
