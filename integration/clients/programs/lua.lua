-- redis-lua: a plain client, which connects anew after an error.
local redis, socket = require("redis"), require("socket")
local key, seconds = arg[2], tonumber(arg[3])
local host, port = arg[4]:match("^(.*):(%d+)$")

local function connect()
  local s = assert(socket.tcp())
  s:settimeout(1)
  assert(s:connect(host, tonumber(port)))
  s:setoption("tcp-nodelay", true)
  return redis.connect({ socket = s })
end

local client
local n, acked, writes, errors, stale, gap, said = 0, 0, 0, 0, 0, 0, ""
local began = socket.gettime()
local last = began
while socket.gettime() - began < seconds do
  n = n + 1
  local ok, why = pcall(function()
    client = client or connect()
    assert(client:set(key, n))
    local now = socket.gettime()
    gap, last, acked, writes = math.max(gap, now - last), now, n, writes + 1
    if (tonumber(client:get(key)) or 0) < acked then stale = stale + 1 end
  end)
  if not ok then
    errors, said, client = errors + 1, tostring(why), nil
  end
  socket.sleep(0.002)
end
gap = math.max(gap, socket.gettime() - last)
print(string.format('{"version":"%s","writes":%d,"errors":%d,"gap_ms":%d,"acked":%d,"stale":%d,"said":"%s"}',
  redis._VERSION:match("[%d.]+") or "", writes, errors, math.floor(gap * 1000), acked, stale, said:gsub('[%c"\\]', " ")))
