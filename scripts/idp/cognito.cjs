// cognito-local for tests, with a user pool, a client and people. It stands in for Amazon Cognito's hosted sign-in but for
// three things, which are set right here: the real one puts the nonce of the question into the ID token, its discovery
// document names its endpoints and its own port, and its keys turn: POST /test says when, to which kid, and whether the new
// key is told (hidden).
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');

const redirects = process.argv.slice(2);
process.chdir(fs.mkdtempSync(path.join(os.tmpdir(), 'cognito-')));
process.on('exit', () => fs.rmSync(process.cwd(), { recursive: true, force: true }));

const nonces = new Map(); // by code challenge
let nonce;
const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event, req, ...rest) {
  if (event === 'request' && req.url.includes('/.well-known/openid-configuration')) {
    const [res] = rest;
    const [end, header] = [res.end, res.setHeader];
    res.setHeader = (name, value) => (name.toLowerCase() === 'content-length' ? res : header.call(res, name, value));
    res.end = (chunk, ...more) => {
      const own = `http://localhost:${process.env.PORT}`;
      const said = JSON.parse(String(chunk).replaceAll('http://localhost:9229', own));
      return end.call(res, JSON.stringify({ ...said, authorization_endpoint: `${own}/oauth2/authorize`, token_endpoint: `${own}/oauth2/token` }), ...more);
    };
  }
  if (event === 'request' && req.method === 'POST' && req.url === '/test') {
    let text = '';
    req.on('data', (chunk) => { text += chunk; }).on('end', () => { turn(JSON.parse(text)); rest[0].end('{}'); });
    return true;
  }
  if (event === 'request' && req.method === 'GET' && req.url.startsWith('/oauth2/authorize')) {
    const q = new URL(req.url, 'http://localhost').searchParams;
    nonces.set(q.get('code_challenge'), q.get('nonce'));
  }
  return emit.call(this, event, req, ...rest);
};
const home = path.dirname(require.resolve('cognito-local/package.json'));
const pkce = require(path.join(home, 'lib/oauth2/pkce.js'));
const jsonwebtoken = require(require.resolve('jsonwebtoken', { paths: [home] }));
const sign = jsonwebtoken.sign;
jsonwebtoken.sign = (payload, key, options) => sign(payload.token_use === 'id' && nonce ? { ...payload, nonce } : payload, key, options.keyid ? { ...options, keyid: kid } : options);

let kid = 'CognitoLocal';
const [secret, told] = ['private', 'public'].map((half) => require(path.join(home, `lib/keys/cognitoLocal.${half}.json`))); // as it reads them each time
function turn(say) {
  const pair = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  kid = say.kid;
  secret.pem = pair.privateKey.export({ type: 'pkcs1', format: 'pem' });
  if (!say.hidden) told.jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
}

const verify = pkce.verifyS256;
const routes = require.cache[require.resolve(path.join(home, 'lib/oauth2/pkce.js'))];
routes.exports = {
  ...pkce,
  verifyS256: (verifier, challenge) => {
    const fits = verify(verifier, challenge);
    nonce = fits ? nonces.get(challenge) : undefined;
    return fits;
  },
};


async function ask(port, action, body) {
  const res = await fetch(`http://localhost:${port}/`, {
    method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `AWSCognitoIdentityProviderService.${action}`, authorization: 'AWS4-HMAC-SHA256 Credential=x' },
  });
  const answer = await res.json();
  if (!res.ok) throw new Error(`${action}: ${JSON.stringify(answer)}`);
  return answer;
}

async function main() {
  const free = http.createServer().listen(0, 'localhost');
  await new Promise((done) => free.once('listening', done));
  const { port } = free.address();
  await new Promise((done) => free.close(done));
  process.env.HOST = 'localhost';
  process.env.PORT = String(port);
  require(path.join(home, 'lib/bin/start.js'));
  for (let i = 0; ; i++) {
    try {
      await fetch(`http://localhost:${port}/health`);
      break;
    } catch (err) {
      if (i > 200) throw err;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  const pool = (await ask(port, 'CreateUserPool', { PoolName: 'people' })).UserPool.Id;
  const client = (await ask(port, 'CreateUserPoolClient', {
    UserPoolId: pool, ClientName: 'gw', CallbackURLs: redirects, AllowedOAuthFlows: ['code'], AllowedOAuthScopes: ['openid'], AllowedOAuthFlowsUserPoolClient: true,
  })).UserPoolClient.ClientId;
  await ask(port, 'CreateGroup', { UserPoolId: pool, GroupName: 'admins' });
  for (const [name, verified, groups] of [['ann', 'true', ['admins']], ['bob', 'true', []], ['eve', '', ['admins']]]) {
    await ask(port, 'AdminCreateUser', {
      UserPoolId: pool, Username: `${name}@example.org`, MessageAction: 'SUPPRESS', UserAttributes: [{ Name: 'email', Value: `${name}@example.org` }, ...(verified ? [{ Name: 'email_verified', Value: verified }] : [])],
    });
    await ask(port, 'AdminSetUserPassword', { UserPoolId: pool, Username: `${name}@example.org`, Password: 'Passw0rd!', Permanent: true });
    for (const group of groups) {
      await ask(port, 'AdminAddUserToGroup', { UserPoolId: pool, Username: `${name}@example.org`, GroupName: group });
    }
  }
  console.log(`listening http://localhost:${port}/${pool} ${client}`);
}
main().catch((err) => { console.error(err); process.exit(1); });
process.stdin.on('end', () => process.exit(0)).resume(); // it ends with who started it
