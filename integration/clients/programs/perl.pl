# Redis.pm: a plain client, and one that asks Sentinels. It is made anew after an error.
use strict; use warnings;
use Redis; use Time::HiRes qw(time sleep); use JSON::PP;
my ($kind, $key, $seconds, @addrs) = @ARGV;
my %waits = (cnx_timeout => 1, read_timeout => 1, write_timeout => 1);
sub connect_ {
    return Redis->new(server => $addrs[0], %waits) if $kind eq "plain";
    return Redis->new(sentinels => [@addrs], service => "mymaster", sentinels_cnx_timeout => 1, sentinels_read_timeout => 1, sentinels_write_timeout => 1, %waits);
}
my ($n, $acked, $writes, $errors, $stale, $gap, $said, $client) = (0, 0, 0, 0, 0, 0, "", undef);
my $began = time; my $last = $began;
while (time - $began < $seconds) {
    $n++;
    eval {
        $client //= connect_();
        $client->set($key, $n);
        my $now = time;
        $gap = $now - $last if $now - $last > $gap;
        ($last, $acked) = ($now, $n); $writes++;
        $stale++ if ($client->get($key) // 0) < $acked;
        1;
    } or do { $errors++; $said = (split /\n/, "$@")[0] // ""; undef $client; };
    sleep 0.002;
}
$gap = time - $last if time - $last > $gap;
print encode_json({ version => "$Redis::VERSION", writes => $writes, errors => $errors, gap_ms => int($gap * 1000), acked => $acked, stale => $stale, said => $said }), "\n";
