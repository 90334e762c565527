curl {{ origin }}/api/v2/keys/verify \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"key": "tess_…", "scopes": ["invoices:read"], "client_ip": "203.0.113.7"}'
