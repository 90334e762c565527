TESSERA_TOKEN=tess_m_…
curl --fail-with-body --max-time 5 {{ at.verify }} \
  -H "Authorization: Bearer $TESSERA_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"key": "tess_…"}'
