// An identity provider for tests: node provider.mjs <port> <folder of oidc-provider> <settings.json>
//
// The settings have the clients, and the claims of each account; they are read again at each log-in.
// Anybody may log in with any password: the provider's development pages ask for none.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [port, folder, settings] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
const read = () => JSON.parse(readFileSync(settings));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: read().clients,
  claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email"], groups: ["groups"] },
  scopes: ["openid", "profile", "email", "groups"],
  cookies: { keys: ["test"] },
  pkce: { required: () => true },
  ttl: { Session: 3600, Interaction: 3600, Grant: 3600, AccessToken: 600, IdToken: 600 },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...read().accounts[id] }) }),
});
provider.listen(Number(port), "127.0.0.1");
