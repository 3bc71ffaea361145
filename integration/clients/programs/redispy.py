# redis-py: a plain client, one that asks Sentinels, and one of a cluster.
import json, sys, time
import redis
from redis.exceptions import RedisClusterException, RedisError

kind, key, seconds, addrs = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4:]
hosts = [(a.rsplit(":", 1)[0], int(a.rsplit(":", 1)[1])) for a in addrs]
waits = dict(socket_timeout=1, socket_connect_timeout=1)


def connect():
    if kind == "plain":
        return redis.Redis(host=hosts[0][0], port=hosts[0][1], **waits)
    if kind == "sentinel":
        from redis.sentinel import Sentinel
        return Sentinel(hosts, sentinel_kwargs=waits).master_for("mymaster", **waits)
    from redis.cluster import ClusterNode, RedisCluster
    return RedisCluster(startup_nodes=[ClusterNode(h, p) for h, p in hosts], **waits)


client = connect()
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
    except RedisClusterException as e:  # 4.3 cannot look for the slots a second time: it is made anew
        errors, said = errors + 1, "%s: %s" % (type(e).__name__, e)
        try:
            client = connect()
        except Exception:
            pass
    except (RedisError, OSError) as e:
        errors, said = errors + 1, "%s: %s" % (type(e).__name__, e)
    time.sleep(0.002)
gap = max(gap, time.monotonic() - last)
print(json.dumps(dict(version=redis.__version__, writes=writes, errors=errors, gap_ms=int(gap * 1000), acked=acked, stale=stale, said=said)))
