// Package latency remembers how long things took: of each command how often it took
// about how long (Histogram), and of the few things that took longer than somebody
// wanted to hear of, when and how long (Monitor).
//
//	time took ──► Histogram ──► Counts ──► percentiles, doublings
//	         '──► Monitor   ──► samples of an event ──► Graph, Report
//
// A Histogram's buckets are as wide as a 32nd of what they hold, so that a percentile
// is at most that much too high; a bucket is one counter, and adding to one neither
// locks nor allocates. A Monitor keeps as many samples of an event as redis-server does
// (one a second, 160 of them) and as many events as it is given names, which are
// constants of the program.
//
// A Waits has a few bounds that never change, for programs that add up what several nodes
// tell.
//
// It reads no clock: times come from the caller. It knows no commands, no replies
// and no settings.
//
// Sources: redis-server 7.0's latency.c for what LATENCY shows; G. Tene's HdrHistogram
// for buckets of equal relative width.
package latency
