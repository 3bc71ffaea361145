/* hiredis: a plain client, which connects anew after an error. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <signal.h>

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
	if (argc < 5) return 2;
	const char *key = argv[2];
	double seconds = atof(argv[3]);
	char host[256];
	snprintf(host, sizeof host, "%s", argv[4]);
	char *colon = strrchr(host, ':');
	if (!colon) return 2;
	*colon = 0;
	int port = atoi(colon + 1);
	signal(SIGPIPE, SIG_IGN);
	struct timeval second = {1, 0};
	redisContext *c = NULL;
	long long n = 0, acked = 0, writes = 0, errors = 0, stale = 0;
	double began = now(), last = began, gap = 0;
	char said[128] = "";
	while (now() - began < seconds) {
		n++;
		int bad = 1;
		if (!c) {
			c = redisConnectWithTimeout(host, port, second);
			if (c && !c->err) redisSetTimeout(c, second);
		}
		if (c && !c->err) {
			redisReply *r = redisCommand(c, "SET %s %lld", key, n);
			if (r && r->type == REDIS_REPLY_STATUS) {
				double t = now();
				if (t - last > gap) gap = t - last;
				last = t;
				acked = n;
				writes++;
				redisReply *g = redisCommand(c, "GET %s", key);
				if (g && (g->type == REDIS_REPLY_STRING || g->type == REDIS_REPLY_NIL)) {
					bad = 0;
					if (g->type == REDIS_REPLY_NIL || atoll(g->str) < acked) stale++;
				} else if (g && g->type == REDIS_REPLY_ERROR) snprintf(said, sizeof said, "%s", g->str);
				if (g) freeReplyObject(g);
			} else if (r && r->type == REDIS_REPLY_ERROR) snprintf(said, sizeof said, "%s", r->str);
			if (r) freeReplyObject(r);
		}
		if (bad) {
			errors++;
			if (c && c->err) snprintf(said, sizeof said, "%s", c->errstr);
			if (c) redisFree(c);
			c = NULL;
		}
		struct timespec pause = {0, 2000000};
		nanosleep(&pause, NULL);
	}
	if (now() - last > gap) gap = now() - last;
	for (char *p = said; *p; p++) if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ') *p = ' ';
	printf("{\"version\":\"%d.%d.%d\",\"writes\":%lld,\"errors\":%lld,\"gap_ms\":%d,\"acked\":%lld,\"stale\":%lld,\"said\":\"%s\"}\n",
		HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH, writes, errors, (int)(gap * 1000), acked, stale, said);
	return 0;
}
