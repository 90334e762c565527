# Run it with your master token: TESSERA_TOKEN=tess_m_… python3 api.py
import json
import os
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

VERIFY_URL = "{{ at.verify }}"
STATUSES = {"forbidden_ip": 403, "insufficient_scope": 403, "rate_limited": 429, "quota_exceeded": 429, "organization_suspended": 403, "wrong_environment": 403}


def verify(key, client_ip):
    # To require scopes, add "scopes": ["invoices:read"].
    body = json.dumps({"key": key, "client_ip": client_ip}).encode()
    headers = {
        "Authorization": f"Bearer {os.environ['TESSERA_TOKEN']}",
        "Content-Type": "application/json",
    }
    with urlopen(Request(VERIFY_URL, body, headers), timeout=5) as response:
        return json.load(response)


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        key = self.headers.get("X-API-Key") or (token if scheme.lower() == "bearer" else "")
        if not key:
            return self.reject(401, {"WWW-Authenticate": "Bearer"})
        try:
            result = verify(key, self.client_address[0])
            is_valid = result["valid"] is True
        except Exception as error:
            # Tessera can’t be reached: reject the request.
            self.log_error("%s", error)
            return self.reject(503)
        if not is_valid:
            wait = result.get("retry_after_seconds")
            return self.reject(STATUSES.get(result["code"], 401), {"Retry-After": wait} if wait else {})

        # The key is valid. Your API starts here.
        self.send(200, "application/json", {"hello": result["key"]["name"]})

    def reject(self, status, headers={}):
        problem = {"title": HTTPStatus(status).phrase, "status": status}
        self.send(status, "application/problem+json", problem, headers)

    def send(self, status, content_type, body, headers={}):
        self.send_response(status)
        for name, value in {"Content-Type": content_type, **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


ThreadingHTTPServer(("127.0.0.1", 3000), Api).serve_forever()
