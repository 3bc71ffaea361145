# redis-py: a plain client, one that asks Sentinels, and one of a cluster.
import json, sys, time
import redis
from redis.exceptions import RedisError

kind, key, seconds, addrs = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4:]
hosts = [(a.rsplit(":", 1)[0], int(a.rsplit(":", 1)[1])) for a in addrs]
waits = dict(socket_timeout=1, socket_connect_timeout=1)

if kind == "plain":
    client = redis.Redis(host=hosts[0][0], port=hosts[0][1], **waits)
elif kind == "sentinel":
    from redis.sentinel import Sentinel
    client = Sentinel(hosts, sentinel_kwargs=waits).master_for("mymaster", **waits)
else:
    from redis.cluster import ClusterNode, RedisCluster
    client = RedisCluster(startup_nodes=[ClusterNode(h, p) for h, p in hosts], **waits)

began = last = time.monotonic()
n = acked = writes = errors = stale = 0
gap, said = 0.0, ""
while time.monotonic() - began < seconds:
    n += 1
    try:
        client.set(key, n)
        now = time.monotonic()
        gap, last, acked, writes = max(gap, now - last), now, n, writes + 1
        if int(client.get(key) or 0) < acked:
            stale += 1
    except (RedisError, OSError, AttributeError) as e:  # the last is what 4.3 says of a node that it knew
        errors, said = errors + 1, "%s: %s" % (type(e).__name__, e)
    time.sleep(0.002)
gap = max(gap, time.monotonic() - last)
print(json.dumps(dict(version=redis.__version__, writes=writes, errors=errors, gap_ms=int(gap * 1000), acked=acked, stale=stale, said=said)))
