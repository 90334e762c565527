local identity = { "x-tessera-organization", "x-tessera-key-id", "x-tessera-key-name", "x-tessera-scopes" }
local refusals = { [400] = true, [401] = true, [403] = true, [429] = true }
local told = { "content-type", "www-authenticate", "retry-after", "ratelimit", "ratelimit-policy" }

core.register_action("tessera", { "http-req" }, function(txn)
  local sent = txn.http:req_get_headers()

  -- Removes what a caller wrote under these names, whatever stands between their words: WSGI,
  -- CGI and PHP would take X_Tessera_Scopes for X-Tessera-Scopes.
  for name in pairs(sent) do
    if name:lower():find("^x%Wtessera%W") then txn.http:req_del_header(name) end
  end

  -- Optional, for browsers: let CORS preflights, which carry no key, reach your API.
  -- if txn.sf:method() == "OPTIONS" then return txn:set_var("txn.tessera_status", 204) end

  local asked = { ["x-forwarded-for"] = { txn.sf:src() } }
  for _, name in ipairs({ "authorization", "x-api-key", "user-agent" }) do
    asked[name] = sent[name]
  end
  local answer = core.httpclient():get({ url = "{{ origin }}{{ auth }}", headers = asked })

  if answer and answer.status == 204 then
    for _, name in ipairs(identity) do
      local value = answer.headers[name]
      if value then txn.http:req_set_header(name, value[0]) end
    end
    txn:set_var("txn.tessera_status", 204)
  elseif answer and refusals[answer.status] then
    local reply = txn:reply({ status = answer.status, body = answer.body })
    for _, name in ipairs(told) do
      local value = answer.headers[name]
      if value then reply:add_header(name, value[0]) end
    end
    txn:done(reply)
  end
end)
