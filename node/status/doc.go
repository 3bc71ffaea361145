// Package status is what a node says of itself by HTTP, to balancers and to what watches over
// it: whether it leads, follows and serves, and how it is. It is a face like the
// others, with a port of its own (http-port, 0: none), and has no data.
//
//	GET /leader    200 where this node leads and may serve, else 503
//	GET /replica   200 at a follower with data that has a link to the leader and no copy under way, else 503
//	GET /health    200 when the node serves anything, 503 while it loads, joins the others or ends
//	GET /metrics   the figures of INFO in Prometheus's text format
//
// The bodies of the first three are lines, with the leader's address as clients of port are told it;
// a balancer needs the status alone. HEAD is GET without the body; any other method is refused, and
// so is a request with a body.
//
// What holds:
//
//   - /leader rests on the lease that commands rest on: a leader whose lease is over answers 503 before
//     another one can answer 200.
//   - Nobody is held up. The first three read an immutable view and some atomic values. /metrics reads what
//     INFO does: shards are locked one after the other, for as long as counting a
//     dictionary's keys takes, and never all of them; it is computed at most once in freshFor, however
//     often it is asked for.
//   - Everything is bounded: connections (maxConns; one more ends the one that has been quiet for
//     longest), the bytes of a request's head, the time for it, for the
//     reply, and between requests. See server.go.
//   - No secret and no text of a client's is shown: names of labels are fixed, their values
//     names of commands, numbers of databases, IDs and addresses of nodes.
//   - No global state: a registry, a server and limits for each node.
//
// It listens at loopback addresses unless http-bind says otherwise, for it asks for no password. With
// tls-http yes it speaks TLS, with the certificates of the other faces, and asks for one
// as tls-auth-clients says. docs/operations.md shows both, docs/security.md what a reader learns.
//
// What it does not do: it opens no port (node/address does), and decides nothing: which node leads is the
// cluster's, and is handed in.
package status
