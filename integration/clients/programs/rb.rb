# redis-rb: a plain client, and one that asks Sentinels.
require "json"
require "redis"

kind, key, seconds, *addrs = ARGV
hosts = addrs.map { |a| h, _, p = a.rpartition(":"); { host: h, port: p.to_i } }
waits = { timeout: 1, reconnect_attempts: 1 }
make = lambda do
  if kind == "plain"
    Redis.new(**hosts[0], **waits)
  elsif Gem::Version.new(Redis::VERSION) >= Gem::Version.new("5")
    Redis.new(name: "mymaster", sentinels: hosts, role: :master, **waits)
  else
    Redis.new(url: "redis://mymaster", sentinels: hosts, role: :master, **waits)
  end
end
clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
client = make.call
began = last = clock.call
n = acked = writes = errors = stale = 0
gap, said = 0.0, ""
while clock.call - began < seconds.to_f
  n += 1
  begin
    client.set(key, n)
    now = clock.call
    gap, last, acked, writes = [gap, now - last].max, now, n, writes + 1
    stale += 1 if client.get(key).to_i < acked
  rescue Redis::BaseError, SystemCallError => e
    errors += 1
    said = "#{e.class}: #{e.message}"
  end
  sleep 0.002
end
gap = [gap, clock.call - last].max
puts JSON.generate(version: Redis::VERSION, writes: writes, errors: errors, gap_ms: (gap * 1000).to_i, acked: acked, stale: stale, said: said)
