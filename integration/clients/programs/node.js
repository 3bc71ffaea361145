// node-redis: a plain client, and one of a cluster.
const { performance } = require("perf_hooks");
const redis = require("redis");
const [kind, key, seconds, ...addrs] = process.argv.slice(2);
const version = require("redis/package.json").version;
const waits = { connectTimeout: 1000, reconnectStrategy: () => 20 };
const client = kind === "plain"
  ? redis.createClient({ url: "redis://" + addrs[0], socket: waits })
  : redis.createCluster({ rootNodes: addrs.map((a) => ({ url: "redis://" + a })), defaults: { socket: waits }, minimizeConnections: true });
client.on("error", () => {});
const limit = (p) => Promise.race([p, new Promise((_, no) => setTimeout(() => no(new Error("no answer within a second")), 1000))]);
(async () => {
  await client.connect();
  let n = 0, acked = 0, writes = 0, errors = 0, stale = 0, gap = 0, said = "";
  const began = performance.now();
  let last = began;
  while (performance.now() - began < seconds * 1000) {
    n++;
    try {
      await limit(client.set(key, String(n)));
      const now = performance.now();
      gap = Math.max(gap, now - last); last = now; acked = n; writes++;
      if (Number(await limit(client.get(key))) < acked) stale++;
    } catch (e) { errors++; said = String(e.message || e); }
    await new Promise((go) => setTimeout(go, 2));
  }
  gap = Math.max(gap, performance.now() - last);
  console.log(JSON.stringify({ version, writes, errors, gap_ms: Math.round(gap), acked, stale, said }));
  process.exit(0);
})().catch((e) => { console.error(e); process.exit(1); });
