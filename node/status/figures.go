package status

import "github.com/prometheus/client_golang/prometheus"

// A figure is a metric that is one line of INFO.
type figure struct {
	from, name, help string
	counts           bool    // it only rises, but for CONFIG RESETSTAT and a new start
	unit             float64 // what one of INFO's is in base units; 0: one
	is               string  // the word for which the metric is 1, and else 0; "": the value is a number
	known            bool    // a number below 0 says that it is not known

	desc *prometheus.Desc
}

// tell hands the figure on.
func (f *figure) tell(to sink, value string) {
	n := 0.0
	switch {
	case f.is != "":
		n = flag(value == f.is)
	default:
		n = number(value)
	}
	if f.known && n < 0 {
		return
	}
	if f.unit != 0 {
		n *= f.unit
	}
	if f.counts {
		to.counter(f.desc, n)
		return
	}
	to.gauge(f.desc, n)
}

const (
	perMilli = 1e-3
	micros   = 1e6 // of a second
)

// figures are all of them, in INFO's order.
func figures() []figure {
	gauge := func(from, name, help string) figure { return figure{from: from, name: name, help: help} }
	count := func(from, name, help string) figure { return figure{from: from, name: name, help: help, counts: true} }
	word := func(from, is, name, help string) figure { return figure{from: from, is: is, name: name, help: help} }
	known := func(f figure) figure { f.known = true; return f }
	millis := func(f figure) figure { f.unit = perMilli; return f }
	return []figure{
		gauge("uptime_in_seconds", "uptime_seconds", "Time since the start."),

		gauge("connected_clients", "connected_clients", "Clients that are connected."),
		gauge("maxclients", "max_clients", "Clients that may be connected."),
		gauge("blocked_clients", "blocked_clients", "Clients whose command waits."),
		gauge("tracking_clients", "tracking_clients", "Clients that are told of changes of what they cache."),

		gauge("used_memory", "memory_used_bytes", "What maxmemory bounds: data, libraries and large buffers."),
		gauge("used_memory_dataset", "memory_dataset_bytes", "What the data takes."),
		gauge("used_memory_peak", "memory_peak_bytes", "The most that was used so far."),
		gauge("used_memory_rss", "memory_resident_bytes", "What the process holds of the machine's memory."),
		gauge("used_memory_heap", "memory_heap_bytes", "Go's heap, which the data is not part of."),
		gauge("mem_clients_normal", "memory_clients_bytes", "What clients' buffers take."),
		gauge("maxmemory", "memory_max_bytes", "The directive maxmemory; 0: no limit."),

		gauge("loading", "loading", "1 while the data is loaded."),
		gauge("rdb_changes_since_last_save", "rdb_changes_since_last_save", "Changes since the data was saved last."),
		gauge("rdb_bgsave_in_progress", "rdb_save_in_progress", "1 while the data is saved in the background."),
		gauge("rdb_last_save_time", "rdb_last_save_timestamp_seconds", "When the data was saved last, in Unix time."),
		word("rdb_last_bgsave_status", "ok", "rdb_last_save_ok", "1 unless the last save in the background has failed."),
		gauge("aof_enabled", "aof_enabled", "1 if a log is kept."),
		gauge("aof_rewrite_in_progress", "aof_rewrite_in_progress", "1 while the log is made shorter."),
		word("aof_last_bgrewrite_status", "ok", "aof_last_rewrite_ok", "1 unless the last rewrite of the log has failed."),
		count("aof_rewrites", "aof_rewrites_total", "Rewrites of the log that were begun."),
		word("aof_last_write_status", "ok", "aof_last_write_ok", "1 unless the log cannot be written."),
		gauge("aof_current_size", "aof_size_bytes", "What a start would load of the log."),
		gauge("aof_base_size", "aof_base_size_bytes", "What it would have loaded after the last rewrite."),
		gauge("aof_buffer_length", "aof_buffer_bytes", "What of the log is not written yet."),
		count("aof_delayed_fsync", "aof_delayed_fsyncs_total", "Seconds in which the fsync before was not done yet."),
		gauge("aof_written_offset", "log_written_offset_bytes", "The offset up to which the log is written."),
		gauge("aof_durable_offset", "log_durable_offset_bytes", "The offset up to which the log is as durable as appendfsync asks."),
		count("aof_writes", "aof_writes_total", "Writes to the log's file."),
		count("aof_fsyncs", "aof_fsyncs_total", "Fsyncs of the log's file."),

		count("total_connections_received", "connections_received_total", "Connections that were accepted."),
		count("rejected_connections", "connections_rejected_total", "Connections that were one too many."),
		count("total_net_input_bytes", "net_input_bytes_total", "Bytes that clients have sent."),
		count("total_net_output_bytes", "net_output_bytes_total", "Bytes that clients were sent."),
		count("total_net_repl_input_bytes", "replication_input_bytes_total", "Bytes of the log and of full copies that came from a leader."),
		count("total_net_repl_output_bytes", "replication_output_bytes_total", "Bytes of the log and of full copies that were sent."),
		count("sync_full", "syncs_full_total", "Followers that were sent all of the data."),
		count("sync_partial_ok", "syncs_partial_total", "Followers that went on in the log."),
		count("sync_partial_err", "syncs_refused_total", "Followers that asked to go on in the log where they could not."),
		count("expired_keys", "expired_keys_total", "Keys that were deleted because their time was over."),
		count("evicted_keys", "evicted_keys_total", "Keys that were deleted for maxmemory."),
		count("evicted_clients", "evicted_clients_total", "Clients that were disconnected for maxmemory-clients."),
		count("keyspace_hits", "keyspace_hits_total", "Keys that were looked up and were there."),
		count("keyspace_misses", "keyspace_misses_total", "Keys that were looked up and were not there."),
		gauge("pubsub_channels", "pubsub_channels", "Channels that clients listen to."),
		gauge("pubsub_patterns", "pubsub_patterns", "Patterns of channels that clients listen to."),
		count("total_error_replies", "error_replies_total", "Replies that were errors."),
		count("total_reads_processed", "socket_reads_total", "Reads from clients' sockets."),
		count("total_writes_processed", "socket_writes_total", "Writes to clients' sockets."),
		count("client_query_buffer_limit_disconnections", "query_buffer_limit_disconnections_total", "Clients that were disconnected for their input."),
		count("client_output_buffer_limit_disconnections", "output_buffer_limit_disconnections_total", "Clients that were disconnected for their output."),

		gauge("connected_slaves", "connected_replicas", "Followers and replicas that are connected."),
		gauge("master_repl_offset", "log_offset_bytes", "The offset at which this node's log ends."),
		word("master_link_status", "up", "leader_link_up", "At a follower, 1 if the leader's log reaches it."),
		known(gauge("master_last_io_seconds_ago", "leader_last_io_seconds", "At a follower, the time since the leader was heard last.")),
		gauge("master_sync_in_progress", "sync_in_progress", "At a follower, 1 while it gets all of the data."),

		gauge("leader_id", "leader_node_id", "The node that leads, 0: none is known."),
		gauge("epoch", "epoch", "The number of the election that counts: each one raises it."),
		gauge("election_in_progress", "election_in_progress", "1 while no leader is known and one is elected."),
		gauge("nodes", "nodes", "Nodes of the cluster."),
		count("commit_waits_failed", "commit_waits_failed_total", "Batches whose replies waited in vain for a commit: leadership, disk or write-timeout was over first."),
		gauge("recovering", "recovering", "1 while this node may have lost what it promised, so that its vote waits for all others."),
		millis(gauge("clock_offset_ms", "clock_offset_seconds", "At a follower, how far its wall clock is ahead of the leader's.")),
		millis(gauge("clock_error_ms", "clock_error_seconds", "By how much clock_offset_seconds may be wrong.")),
	}
}
