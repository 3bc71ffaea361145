<?php
// Predis: a plain client, one that asks Sentinels, and one of a cluster. It is made anew
// after an error that is not a server's answer.
require "Predis/Autoloader.php";
Predis\Autoloader::register();
[, $kind, $key, $seconds] = $argv;
$waits = "timeout=1&read_write_timeout=1";
$addrs = array_map(fn($a) => "tcp://$a?$waits", array_slice($argv, 4));

function connect($kind, $addrs) {
    if ($kind === "cluster") {
        return new Predis\Client($addrs, ["cluster" => "redis"]);
    }
    if ($kind === "sentinel") {
        return new Predis\Client($addrs, ["replication" => "sentinel", "service" => "mymaster", "parameters" => ["timeout" => 1, "read_write_timeout" => 1]]);
    }
    return new Predis\Client($addrs[0]);
}

$client = null;
$n = $acked = $writes = $errors = $stale = 0;
$gap = 0.0; $said = "";
$began = $last = microtime(true);
while (microtime(true) - $began < (float) $seconds) {
    $n++;
    try {
        $client = $client ?? connect($kind, $addrs);
        $client->set($key, $n);
        $now = microtime(true);
        $gap = max($gap, $now - $last); $last = $now; $acked = $n; $writes++;
        if ((int) $client->get($key) < $acked) { $stale++; }
    } catch (Predis\PredisException $e) {
        $errors++; $said = get_class($e) . ": " . $e->getMessage();
        if (!($e instanceof Predis\Response\ServerException)) { $client = null; }
    }
    usleep(2000);
}
$gap = max($gap, microtime(true) - $last);
echo json_encode(["version" => Predis\Client::VERSION, "writes" => $writes, "errors" => $errors, "gap_ms" => (int) ($gap * 1000), "acked" => $acked, "stale" => $stale, "said" => $said]), "\n";
