<?php
// phpredis: a plain client, one that asks Sentinels, and one of a cluster. The first two
// connect anew after an error, as Laravel has them do.
[, $kind, $key, $seconds] = $argv;
$hosts = array_map(function ($a) { $i = strrpos($a, ":"); return [substr($a, 0, $i), (int) substr($a, $i + 1)]; }, array_slice($argv, 4));

function connect($kind, $hosts) {
    if ($kind === "cluster") {
        return new RedisCluster(null, array_map(fn($h) => "$h[0]:$h[1]", $hosts), 1, 1);
    }
    [$host, $port] = $hosts[0];
    if ($kind === "sentinel") {
        [$host, $port] = [null, null];
        foreach ($hosts as $h) {
            try {
                $at = (new RedisSentinel($h[0], $h[1], 1))->getMasterAddrByName("mymaster");
                if ($at) { [$host, $port] = [$at[0], (int) $at[1]]; break; }
            } catch (RedisException $e) {}
        }
        if (!$host) { throw new RedisException("no Sentinel knows the master"); }
    }
    $r = new Redis();
    $r->connect($host, $port, 1, null, 0, 1);
    return $r;
}

$client = null;
$n = $acked = $writes = $errors = $stale = 0;
$gap = 0.0; $said = "";
$began = $last = microtime(true);
while (microtime(true) - $began < (float) $seconds) {
    $n++;
    try {
        $client = $client ?? connect($kind, $hosts);
        if (!$client->set($key, $n)) { throw new RedisException($client->getLastError() ?? "no answer"); }
        $now = microtime(true);
        $gap = max($gap, $now - $last); $last = $now; $acked = $n; $writes++;
        $got = $client->get($key);
        if ($got === false && $client->getLastError() !== null) { throw new RedisException($client->getLastError()); }
        if ((int) $got < $acked) { $stale++; }
    } catch (RedisException | RedisClusterException $e) {
        $errors++; $said = get_class($e) . ": " . $e->getMessage();
        $client = null;
    }
    usleep(2000);
}
$gap = max($gap, microtime(true) - $last);
echo json_encode(["version" => phpversion("redis"), "writes" => $writes, "errors" => $errors, "gap_ms" => (int) ($gap * 1000), "acked" => $acked, "stale" => $stale, "said" => $said]), "\n";
