package harness

import (
	"math/rand/v2"
	"time"

	"github.com/anishathalye/porcupine"
)

// Histories of clients that are a test's own.

// A Call is one that a client of a test's own makes.
type Call struct{ call call }

// NewHistory is a history without clients.
func NewHistory() *History { return &History{cancel: func() {}} }

// Draw picks a call. Keys of one age are the same few: a test moves on before so many
// calls without an answer meet on one that they cannot be judged any more.
func (h *History) Draw(rnd *rand.Rand, age int) Call { return Call{h.draw(rnd.IntN, age)} }

// Args are the command.
func (c Call) Args() []any { return c.call.args() }

func (c Call) String() string { return c.call.op + " " + c.call.key + " " + c.call.arg }

// Answered notes a call and its reply, as fmt prints what go-redis returns.
func (h *History) Answered(client int, c Call, asked, answered time.Duration, reply string) {
	h.note(client, c.call, asked.Nanoseconds(), answered.Nanoseconds(), c.call.ordered(reply), nil)
}

// Unanswered notes a call of which it is not known what became of it.
func (h *History) Unanswered(client int, c Call, asked time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.call.reads() {
		return
	}
	h.unknown++
	h.calls = append(h.calls, porcupine.Operation{ClientId: client, Input: c.call, Call: asked.Nanoseconds(), Output: output{}, Return: never})
}

// Reads are calls that read every key of the history, for the end: what was
// acknowledged is there.
func (h *History) Reads() (calls []Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := map[string]bool{}
	for i := range h.calls {
		c := h.calls[i].Input.(call)
		if seen[c.key] {
			continue
		}
		seen[c.key] = true
		op := map[string]string{"lst": "lrange", "set": "smembers"}[c.key[:3]]
		if op == "" {
			op = "get"
		}
		calls = append(calls, Call{call{op: op, key: c.key}})
	}
	return calls
}
