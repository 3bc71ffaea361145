package sim

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"regent/integration/harness"
)

// Transactions over several lists, by MULTI and by a script.

const (
	// listsAtOnce is how many lists transactions of one age are about.
	listsAtOnce = 3
	// maxSteps bounds a transaction's steps.
	maxSteps = 4
)

// stepsScript carries out a step for each key: with an argument it appends that, without
// it reads.
const stepsScript = `local out = {}
for i, key in ipairs(KEYS) do
  if ARGV[i] ~= '' then out[i] = redis.call('RPUSH', key, ARGV[i]) else out[i] = redis.call('LRANGE', key, 0, -1) end
end
return out`

// drawTxn picks a transaction.
func (w *world) drawTxn(rnd *rand.Rand, age int) *harness.Txn {
	t := &harness.Txn{}
	for range 1 + rnd.IntN(maxSteps) {
		s := harness.Step{Key: fmt.Sprintf("txn:%d:%d", age, rnd.IntN(listsAtOnce))}
		if rnd.IntN(2) == 0 {
			s.Append = w.traffic.values.Add(1)
		}
		t.Steps = append(t.Steps, s)
	}
	return t
}

// transact makes one transaction.
func (w *world) transact(id int, to *target, h *host, rnd *rand.Rand, age int) {
	t := w.drawTxn(rnd, age)
	t.Client = id
	commands := byMulti(t)
	if rnd.IntN(2) == 0 {
		commands = byScript(t)
	}
	t.Asked = time.Since(w.began)
	replies, err := to.caller(h).exchange(6*w.plan.timeout, commands...)
	t.Answered = time.Since(w.began)
	if err == nil {
		err = take(t, replies)
	}
	w.traffic.mu.Lock()
	if err == nil {
		w.figures.txns++
	} else if notDone(err) {
		w.figures.refused++
	} else {
		w.figures.unknown++
	}
	w.traffic.mu.Unlock()
	if t.Known = err == nil; t.Known || !notDone(err) {
		w.appends.Note(t)
	}
	if err != nil && !to.moved(err) {
		w.elsewhere(to, rnd)
		time.Sleep(w.plan.timeout / 20)
	}
}

func byMulti(t *harness.Txn) [][]any {
	commands := [][]any{{"MULTI"}}
	for _, s := range t.Steps {
		if s.Append != 0 {
			commands = append(commands, []any{"RPUSH", s.Key, s.Append})
		} else {
			commands = append(commands, []any{"LRANGE", s.Key, 0, -1})
		}
	}
	return append(commands, []any{"EXEC"})
}

func byScript(t *harness.Txn) [][]any {
	command := []any{"EVAL", stepsScript, len(t.Steps)}
	for _, s := range t.Steps {
		command = append(command, s.Key)
	}
	for _, s := range t.Steps {
		if s.Append != 0 {
			command = append(command, s.Append)
		} else {
			command = append(command, "")
		}
	}
	return [][]any{command}
}

// take notes what was read. An error of a command that was not queued tells more than that of
// EXEC, which was not carried out then.
func take(t *harness.Txn, replies []any) error {
	for i, r := range replies {
		err, is := r.(replyError)
		switch {
		case is && i == 0 && len(replies) > 1:
			return fmt.Errorf("MULTI: %v", err) // what is behind it was carried out, perhaps
		case is:
			return err
		}
	}
	out, ok := replies[len(replies)-1].([]any)
	if !ok || len(out) != len(t.Steps) {
		return fmt.Errorf("%v for %d steps", replies, len(t.Steps))
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		if s.Append != 0 {
			if _, ok := out[i].(int64); !ok {
				return fmt.Errorf("%v for an append", out[i])
			}
			continue
		}
		values, ok := out[i].([]any)
		if !ok {
			return fmt.Errorf("%v for a read", out[i])
		}
		s.Read = nil
		for _, v := range values {
			n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
			if err != nil {
				return err
			}
			s.Read = append(s.Read, n)
		}
	}
	return nil
}

// readLists reads every list there ever was, for the judge.
func (w *world) readLists(h *host) {
	const reader = 99
	to := &target{callers: map[string]*caller{}, at: w.members()[0].addr()}
	defer to.close()
	for _, key := range w.appends.Keys() {
		w.eventually("reading a list of transactions", func() error {
			for tries := 0; ; tries++ {
				t := &harness.Txn{Client: reader, Known: true, Steps: []harness.Step{{Key: key}}, Asked: time.Since(w.began)}
				replies, err := to.caller(h).exchange(4*w.plan.timeout, byMulti(t)...)
				t.Answered = time.Since(w.began)
				if err == nil {
					err = take(t, replies)
				}
				if err == nil {
					w.appends.Note(t)
					return nil
				}
				if tries > 3 || !to.moved(err) {
					return err
				}
			}
		})
		if w.failed() {
			return
		}
	}
}
