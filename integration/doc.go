// Package integration is Regent as its users meet it: the built binary over
// TCP, driven by go-redis, redis-cli and docker-compose, and compared with
// redis-server 7.0 by the same scripts.
//
// What belongs here needs a process: failover by kill -9 and SIGSTOP, restart
// from the log, the command line, containers. What can be shown inside one
// process is tested where it is written.
//
// Tests count (acknowledged writes missing: none) and compare (replies: the
// same); they do not judge times, which `make bench` and the failover report
// of `make soak` measure.
package integration
