package acl

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	"regent/engine"
	"regent/engine/acl"
	"regent/engine/spec"
	"regent/resp"
)

// tooMany answers to more arguments than a subcommand takes and its arity tells; false: it
// has no more than most.
func tooMany(c *engine.Ctx, most int) bool {
	if len(c.Args) <= most {
		return false
	}
	c.Err(fmt.Sprintf(resp.ErrSubSyntax, engine.Clip(c.Args[1], 128), c.Spoken()))
	return true
}

func doWhoAmI(c *engine.Ctx) { c.W.BulkString(c.User().Name()) }

func doUsers(c *engine.Ctx) { writeTexts(c.W, c.Users().Names()) }

func doList(c *engine.Ctx) { writeTexts(c.W, c.Users().Lines()) }

func writeTexts(w *resp.Writer, texts []string) {
	w.Array(len(texts))
	for _, t := range texts {
		w.BulkString(t)
	}
}

func doCat(c *engine.Ctx) {
	switch {
	case tooMany(c, 3):
	case len(c.Args) == 2:
		writeTexts(c.W, spec.CategoryNames())
	default:
		cat := spec.CategoryNamed(c.Args[2])
		if cat == 0 {
			c.Err(fmt.Sprintf(resp.ErrNoCategory, engine.Clip(c.Args[2], 128)))
			return
		}
		var found []string
		c.Table().Each(func(cmd *spec.Command) {
			if cmd.Cats&cat != 0 {
				found = append(found, cmd.FullName())
			}
		})
		writeTexts(c.W, found)
	}
}

// maxBits is how many bits ACL GENPASS draws at most, and usualBits unasked.
const (
	maxBits   = 4096
	usualBits = 256
)

func doGenPass(c *engine.Ctx) {
	if tooMany(c, 3) {
		return
	}
	bits := int64(usualBits)
	if len(c.Args) == 3 {
		var ok bool
		if bits, ok = c.IntArg(c.Args[2]); !ok {
			return
		}
		if bits <= 0 || bits > maxBits {
			c.Err(resp.ErrGenPass)
			return
		}
	}
	digits := (bits + 3) / 4
	random := make([]byte, (digits+1)/2)
	_, _ = rand.Read(random) // it does not fail
	c.W.BulkString(hex.EncodeToString(random)[:digits])
}

func doGetUser(c *engine.Ctx) {
	u := c.Users().Named(string(c.Args[2]))
	if u == nil {
		c.W.Null()
		return
	}
	r, w := u.Rights(), c.W
	root, others := r.Selectors()[0], r.Selectors()[1:]
	w.Map(6)
	w.BulkString("flags")
	w.Set(len(r.Flags()))
	for _, f := range r.Flags() {
		w.BulkString(f)
	}
	w.BulkString("passwords")
	writeTexts(w, r.Digests())
	writeSelector(w, &root)
	w.BulkString("selectors")
	w.Array(len(others))
	for i := range others {
		w.Map(3)
		writeSelector(w, &others[i])
	}
}

func writeSelector(w *resp.Writer, s *acl.Selector) {
	for _, pair := range [][2]string{{"commands", s.Commands}, {"keys", s.Keys}, {"channels", s.Channels}} {
		w.BulkString(pair[0])
		w.BulkString(pair[1])
	}
}

// usualEntries is how many entries ACL LOG shows unasked.
const usualEntries = 10

func doLog(c *engine.Ctx) {
	n := int64(usualEntries)
	if tooMany(c, 3) {
		return
	}
	if len(c.Args) == 3 {
		if spec.EqualFold(c.Args[2], "reset") {
			c.Denials().Reset()
			c.W.OK()
			return
		}
		var ok bool
		if n, ok = c.IntArg(c.Args[2]); !ok {
			return
		}
	}
	entries := c.Denials().Newest(int(min(max(n, 0), 1<<20)))
	c.W.Array(len(entries))
	for i := range entries {
		writeEntry(c, &entries[i])
	}
}

func writeEntry(c *engine.Ctx, e *acl.Entry) {
	w := c.W
	w.Map(7)
	w.BulkString("count")
	w.Int(e.Count)
	for _, pair := range [][2]string{{"reason", e.Reason}, {"context", e.Context}, {"object", e.Object}, {"username", e.User}} {
		w.BulkString(pair[0])
		w.BulkString(pair[1])
	}
	w.BulkString("age-seconds")
	w.Double(float64(max(c.Now-e.At, 0)) / 1000)
	w.BulkString("client-info")
	w.BulkString(e.Client)
}

func doDryRun(c *engine.Ctx) {
	u := c.Users().Named(string(c.Args[2]))
	if u == nil {
		c.Err(fmt.Sprintf(resp.ErrUserNotFound, engine.Clip(c.Args[2], 128)))
		return
	}
	args := c.Args[3:]
	cmd, known := c.Asked(args)
	switch {
	case cmd == nil || !known:
		c.Err(fmt.Sprintf(resp.ErrNoCommand, engine.Clip(args[0], 128)))
		return
	case !cmd.Fits(len(args)):
		c.Err(fmt.Sprintf(resp.ErrArity, cmd.FullName()))
		return
	}
	switch d := u.Rights().Check(&cmd.Command, args); d.Why {
	case acl.Allowed:
		c.W.OK()
	case acl.Key:
		c.W.BulkString(fmt.Sprintf(resp.DryRunKey, args[d.At]))
	case acl.Channel:
		c.W.BulkString(fmt.Sprintf(resp.DryRunChannel, args[d.At]))
	default:
		c.W.BulkString(fmt.Sprintf(resp.DryRunCommand, strings.ToLower(cmd.FullName())))
	}
}
