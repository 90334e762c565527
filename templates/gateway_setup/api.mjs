// Run it with your master token: TESSERA_TOKEN=tess_m_… node api.mjs
import { createServer, STATUS_CODES } from "node:http";

const verifyUrl = "{{ at.verify }}";
const statuses = { forbidden_ip: 403, insufficient_scope: 403, rate_limited: 429, quota_exceeded: 429, organization_suspended: 403, wrong_environment: 403 };

async function verify(key, clientIp) {
  const response = await fetch(verifyUrl, {
    method: "POST",
    headers: {
      "Authorization": `Bearer ${process.env.TESSERA_TOKEN}`,
      "Content-Type": "application/json",
    },
    // To require scopes, add scopes: ["invoices:read"].
    body: JSON.stringify({ key, client_ip: clientIp }),
    signal: AbortSignal.timeout(5000),
  });
  if (!response.ok) throw new Error(`Tessera returned ${response.status}`);
  return response.json();
}

createServer(async (request, response) => {
  const send = (status, type, body, headers = {}) =>
    response.writeHead(status, { "Content-Type": type, ...headers }).end(JSON.stringify(body));
  const reject = (status, headers) =>
    send(status, "application/problem+json", { title: STATUS_CODES[status], status }, headers);

  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  const key = request.headers["x-api-key"] || (scheme.toLowerCase() === "bearer" && token);
  if (!key) return reject(401, { "WWW-Authenticate": "Bearer" });

  let result;
  try {
    result = await verify(key, request.socket.remoteAddress);
  } catch (error) {
    // Tessera can’t be reached: reject the request.
    console.error(error);
    return reject(503);
  }
  if (result.valid !== true) {
    const wait = result.retry_after_seconds;
    return reject(statuses[result.code] ?? 401, wait ? { "Retry-After": wait } : {});
  }

  // The key is valid. Your API starts here.
  send(200, "application/json", { hello: result.key.name });
}).listen(3000, "127.0.0.1");
