package engine

import (
	"fmt"
	"hash/fnv"
	"sync/atomic"

	"regent/engine/pubsub"
)

// INFO's sections about the process: Server, Clients, Memory, Persistence,
// Stats and CPU.

func (r *infoRun) server(w *InfoWriter) {
	e, u := r.e, r.process()
	w.Str("redis_version", RedisVersion)
	w.Str("redis_git_sha1", "00000000") // Redis's for what was not built from its repository
	w.Int("redis_git_dirty", 0)
	w.Str("redis_build_id", e.buildID)
	w.Str("redis_mode", r.e.mode(r.face, r.view))
	w.Str("regent_version", e.version)
	w.Str("os", u.OS)
	w.Int("arch_bits", 64)
	w.Str("monotonic_clock", "POSIX clock_gettime")
	w.Str("multiplexing_api", u.Listener)
	w.Str("atomicvar_api", "sync/atomic")
	w.Str("gcc_version", "0.0.0") // Redis's for another compiler
	w.Int("process_id", int64(u.PID))
	w.Str("process_supervised", "no")
	w.Str("run_id", e.runID)
	w.Int("tcp_port", e.facePort(r.face, r.tls))
	w.Int("server_time_usec", r.now*1000)
	up := max(r.now-e.started, 0) / 1000
	w.Int("uptime_in_seconds", up)
	w.Int("uptime_in_days", up/(24*3600))
	w.Int("hz", e.Config.HZ.Get())
	w.Int("configured_hz", e.Config.HZ.Get())
	w.Int("lru_clock", r.now/1000&lruClockMax)
	w.Str("executable", u.Executable)
	w.Str("config_file", e.configFile)
	w.Bool("io_threads_active", false) // event loops read and write for themselves
}

// buildID names a version by 16 hex digits: tools tell builds apart by it.
func buildID(version string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(version))
	return fmt.Sprintf("%016x", h.Sum64())
}

// lruClockMax is where the seconds of the access clock begin anew: it has 24
// bits.
const lruClockMax = 1<<24 - 1

// clientSums is what INFO tells of all clients together.
type clientSums struct {
	count, blocked, timed int64
	maxInput, maxOutput   int64 // bytes
	buffers               int64 // bytes
}

// sumClients looks at every client's buffers without stopping any.
func (e *Engine) sumClients() (sum clientSums) {
	e.sessMu.Lock()
	defer e.sessMu.Unlock()
	for _, s := range e.sessions {
		if s.Shared.has(clientEnded) {
			continue
		}
		sum.count++
		if s.Shared.has(clientBlocked) {
			sum.blocked++
		}
		if wt := s.Shared.waiting.Load(); wt != nil && wt.deadline != 0 {
			sum.timed++
		}
		b := s.conn.Buffers()
		in, out := b.Input, b.Output
		sum.maxInput, sum.maxOutput = max(sum.maxInput, int64(in)), max(sum.maxOutput, int64(out))
		sum.buffers += int64(in) + int64(out)
	}
	return sum
}

func (r *infoRun) clients(w *InfoWriter) {
	sum := r.clientSums()
	w.Int("connected_clients", sum.count)
	w.Int("cluster_connections", int64(len(r.e.cluster.Links())))
	w.Int("maxclients", r.e.Config.MaxClients.Get())
	w.Int("client_recent_max_input_buffer", sum.maxInput)
	w.Int("client_recent_max_output_buffer", sum.maxOutput)
	w.Int("blocked_clients", sum.blocked)
	w.Int("tracking_clients", r.e.trackers.Load())
	w.Int("clients_in_timeout_table", sum.timed)
}

// memory tells of what maxmemory bounds as used: the data, libraries and large buffers. Go's own
// heap, in which buffers and sessions are, is used_memory_heap.
func (r *infoRun) memory(w *InfoWriter) {
	e, u := r.e, r.process()
	used, data := e.countedMemory(), e.usedMemory()
	e.notePeak(used)
	peak := e.stats.peak.Load()
	bytes := func(name string, n int64) {
		w.Int(name, n)
		w.Str(name+"_human", human(n))
	}
	bytes("used_memory", used)
	if u.Resident != 0 {
		bytes("used_memory_rss", u.Resident)
	}
	bytes("used_memory_peak", peak)
	w.Str("used_memory_peak_perc", fmt.Sprintf("%.2f%%", percent(used, peak)))
	clients := r.clientSums()
	w.Int("used_memory_overhead", used-data)
	w.Int("used_memory_startup", 0)
	w.Int("used_memory_dataset", data)
	w.Str("used_memory_dataset_perc", fmt.Sprintf("%.2f%%", dataShare(data, used)))
	w.Int("allocator_allocated", used)
	w.Int("allocator_active", u.Resident)
	w.Int("allocator_resident", u.Resident)
	w.Int("used_memory_heap", u.Heap)
	w.Int("gc_cycles", u.GCCycles)
	w.Int("gc_longest_pause_usec", u.GCPause.Microseconds())
	if u.Memory != 0 {
		bytes("total_system_memory", u.Memory)
	}
	r.scripts(w)
	bytes("maxmemory", e.Config.MaxMemory.Get())
	w.Str("maxmemory_policy", e.policyName())
	if u.Resident != 0 {
		w.float("allocator_frag_ratio", ratio(u.Resident, used), 2)
		w.Int("allocator_frag_bytes", u.Resident-used)
		// The system's pages are the allocator's.
		w.float("allocator_rss_ratio", 1, 2)
		w.Int("allocator_rss_bytes", 0)
		w.float("rss_overhead_ratio", 1, 2)
		w.Int("rss_overhead_bytes", 0)
		w.float("mem_fragmentation_ratio", ratio(u.Resident, used), 2)
		w.Int("mem_fragmentation_bytes", u.Resident-used)
	}
	// Followers read the log's file.
	w.zero("mem_not_counted_for_evict", "mem_replication_backlog", "mem_total_replication_buffers", "mem_clients_slaves")
	w.Int("mem_clients_normal", clients.buffers)
	w.zero("mem_cluster_links", "mem_aof_buffer")
	w.Str("mem_allocator", "slabs")
	w.zero("active_defrag_running")
	w.zero("lazyfree_pending_objects", "lazyfreed_objects") // what is unlinked is freed at once
}

// scripts tells of what is kept of scripts. Interpreters share the process's heap, and are
// not told apart there.
func (r *infoRun) scripts(w *InfoWriter) {
	t := &r.e.scripts
	scripts, bytes := t.cached.Load(), t.bytes.Load()
	var libraries, functions, code int64
	if r.e.libraries != nil {
		libraries, functions, code = r.e.libraries.Count()
	}
	w.Int("used_memory_lua", 0)
	w.Int("used_memory_vm_eval", 0)
	w.Str("used_memory_lua_human", human(0))
	w.Int("used_memory_scripts_eval", bytes)
	w.Int("number_of_cached_scripts", scripts)
	w.Int("number_of_functions", functions)
	w.Int("number_of_libraries", libraries)
	w.Int("used_memory_vm_functions", 0)
	w.Int("used_memory_vm_total", 0)
	w.Str("used_memory_vm_total_human", human(0))
	w.Int("used_memory_functions", code)
	w.Int("used_memory_scripts", bytes+code)
	w.Str("used_memory_scripts_human", human(bytes+code))
}

// ratio and percent are 0 of nothing.
func ratio(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func percent(part, whole int64) float64 { return 100 * ratio(part, whole) }

// dataShare is which part of what is used is data, in percent; of nothing all of it.
func dataShare(data, used int64) float64 {
	if used == 0 {
		return 100
	}
	return percent(data, used)
}

// policyName is maxmemory-policy as it is configured.
func (e *Engine) policyName() string {
	name, _ := e.Config.Lookup("maxmemory-policy")
	return name
}

func (r *infoRun) persistence(w *InfoWriter) {
	e := r.e
	loading := e.load.on.Load()
	w.Bool("loading", loading)
	w.Int("async_loading", 0)
	now, peak := e.SnapshotUse()
	w.Int("current_cow_peak", peak)
	w.Int("current_cow_size", now)
	w.Int("current_cow_size_age", 0) // it is of this moment
	done, all := e.snapshotProgress()
	w.float("current_fork_perc", percent(done, all), 2)
	w.Int("current_save_keys_processed", done)
	w.Int("current_save_keys_total", all)
	w.zero("module_fork_in_progress", "module_fork_last_cow_size")
	if !e.keepsLog() { // one may be being made
		w.Bool("aof_enabled", e.Config.AppendOnly.Get())
	}
	if !loading {
		return
	}
	began, done, total := e.load.began.Load(), e.load.done.Load(), e.load.total.Load()
	w.Int("loading_start_time", began/1000)
	w.Int("loading_total_bytes", total)
	w.Int("loading_loaded_bytes", done)
	w.float("loading_loaded_perc", percent(done, total), 2)
	eta := int64(1) // as Redis says while it cannot know
	if done > 0 {
		eta = int64(float64(r.now-began) / 1000 * ratio(max(total-done, 0), done))
	}
	w.Int("loading_eta_seconds", eta)
}

func (r *infoRun) stats(w *InfoWriter) {
	s := &r.e.stats
	errors, _ := s.errors.counts()
	w.Int("total_connections_received", s.connections.Load())
	w.Int("total_commands_processed", s.commands())
	w.Int("instantaneous_ops_per_sec", int64(s.rates.perSecond(rateCommands)))
	w.Int("total_net_input_bytes", s.carried(bytesIn))
	w.Int("total_net_output_bytes", s.carried(bytesOut))
	w.Int("total_net_repl_input_bytes", s.replicated.in.Load())
	w.Int("total_net_repl_output_bytes", s.replicated.out.Load())
	w.float("instantaneous_input_kbps", s.rates.perSecond(rateInput)/1024, 2)
	w.float("instantaneous_output_kbps", s.rates.perSecond(rateOutput)/1024, 2)
	w.float("instantaneous_input_repl_kbps", s.rates.perSecond(rateReplInput)/1024, 2)
	w.float("instantaneous_output_repl_kbps", s.rates.perSecond(rateReplOutput)/1024, 2)
	w.Int("rejected_connections", s.rejected.Load())
	w.Int("sync_full", s.replicated.full.Load())
	w.Int("sync_partial_ok", s.replicated.partial.Load())
	w.Int("sync_partial_err", s.replicated.refused.Load())
	w.Int("expired_keys", s.sum(func(st *stripe) *atomic.Int64 { return &st.expired }))
	// Keys are found by when they expire: none waits for being looked at by chance.
	w.float("expired_stale_perc", 0, 2)
	w.zero("expired_time_cap_reached_count")
	w.Int("expire_cycle_cpu_milliseconds", s.expireNanos.Load()/1e6)
	w.Int("evicted_keys", s.sum(func(st *stripe) *atomic.Int64 { return &st.evicted }))
	w.Int("evicted_clients", s.clientsGone.Load())
	w.zero("total_eviction_exceeded_time", "current_eviction_exceeded_time")
	w.Int("keyspace_hits", s.sum(func(st *stripe) *atomic.Int64 { return &st.hits }))
	w.Int("keyspace_misses", s.sum(func(st *stripe) *atomic.Int64 { return &st.misses }))
	w.Int("pubsub_channels", int64(r.e.listenersAt(r.face).Names(pubsub.Channel)))
	w.Int("pubsub_patterns", int64(r.e.listenersAt(r.face).Names(pubsub.Pattern)))
	w.Int("pubsubshard_channels", int64(r.e.listenersAt(r.face).Names(pubsub.Shard)))
	// Snapshots need no second process, so nothing is ever forked.
	w.Int("latest_fork_usec", 0)
	w.Int("total_forks", 0)
	w.Int("migrate_cached_sockets", int64(r.e.remotes.idle()))
	// Nothing is defragmented, and no replica has keys of its own.
	w.zero("slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses",
		"total_active_defrag_time", "current_active_defrag_time")
	keys, items, prefixes := r.e.tracked.Size()
	w.Int("tracking_total_keys", int64(keys))
	w.Int("tracking_total_items", int64(items))
	w.Int("tracking_total_prefixes", int64(prefixes))
	w.zero("unexpected_error_replies")
	w.Int("total_error_replies", errors)
	w.zero("dump_payload_sanitizations")
	w.Int("total_reads_processed", s.carried(readCalls))
	w.Int("total_writes_processed", s.carried(writeCalls))
	w.zero("io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks", "reply_buffer_expands")
	w.Int("client_query_buffer_limit_disconnections", s.queryLimit.Load())
	w.Int("client_output_buffer_limit_disconnections", s.outLimit.Load())
}

func (r *infoRun) cpu(w *InfoWriter) {
	u := r.process()
	w.float("used_cpu_sys", u.System.Seconds(), 6)
	w.float("used_cpu_user", u.User.Seconds(), 6)
	w.float("used_cpu_sys_children", 0, 6) // there are none
	w.float("used_cpu_user_children", 0, 6)
}
