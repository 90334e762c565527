local identity = { "x-tessera-organization", "x-tessera-key-id", "x-tessera-key-name", "x-tessera-scopes" }
local rejections = { [400] = true, [401] = true, [403] = true, [429] = true }
local copied = {
  "content-type", "www-authenticate", "x-request-id", "retry-after", "ratelimit", "ratelimit-policy",
}

core.register_action("tessera", { "http-req" }, function(txn)
  local sent = txn.http:req_get_headers()

  -- Removes X-Tessera headers sent by clients, in any spelling: WSGI, CGI and PHP would read
  -- X_Tessera_Scopes as X-Tessera-Scopes.
  for name in pairs(sent) do
    if name:lower():find("^x%Wtessera%W") then txn.http:req_del_header(name) end
  end

  -- Optional, for browsers: let CORS preflights, which carry no key, reach your API.
  -- if txn.sf:method() == "OPTIONS" then return txn:set_var("txn.tessera_status", 204) end

  local headers = { ["x-forwarded-for"] = { txn.sf:src() } }
  for _, name in ipairs({ "authorization", "x-api-key", "user-agent" }) do
    headers[name] = sent[name]
  end
  local response = core.httpclient():get({ url = "{{ at.origin }}{{ at.auth }}", headers = headers })

  if response and response.status == 204 then
    for _, name in ipairs(identity) do
      local value = response.headers[name]
      if value then txn.http:req_set_header(name, value[0]) end
    end
    txn:set_var("txn.tessera_status", 204)
  elseif response and rejections[response.status] then
    local reply = txn:reply({ status = response.status, body = response.body })
    for _, name in ipairs(copied) do
      local value = response.headers[name]
      if value then reply:add_header(name, value[0]) end
    end
    txn:done(reply)
  end
end)
