package lists

import (
	"bytes"
	"slices"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/dict"
	"regent/engine/listpack"
	"regent/engine/spec"
	"regent/resp"
)

// SORT and SORT_RO: the elements of a list, a set or a sorted set in order. What they make
// is a list, so they are in this room; other types are seen as the commands that would
// make them (engine.Object).
//
//	SORT key  BY weight_*  GET # GET name_*->field  LIMIT 0 10  DESC ALPHA  STORE dst
//
// Patterns name keys that stand in no argument: then every shard is locked.
//
// SORT with STORE stands in the log as it was said, and must come to the same everywhere.
// Elements of equal weight stay as they were; a set has them in no order, so it is put in
// one first where weights of texts may be equal.

func sorts() []engine.Command {
	const cats = spec.CatSet | spec.CatSortedSet | spec.CatList | spec.CatDangerous
	unknown := func(flags spec.KeyFlags, notes string) spec.KeySpec {
		return spec.KeySpec{Flags: flags, Unknown: true, FindUnknown: true}.Noted(notes)
	}
	keys := spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess), unknown(spec.KeyRO|spec.KeyAccess,
		"For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort")}
	pattern := func(token string) spec.Arg {
		return spec.Pattern("pattern").OfKeys(1).With(token).Opt()
	}
	args := spec.Args{
		spec.Key("key", 0), pattern("BY"),
		spec.Block("offset_count", spec.Integer("offset"), spec.Integer("count")).With("LIMIT").Opt(),
		pattern("GET").Many().Repeated(),
		spec.OneOf("order", spec.Word("asc", "ASC"), spec.Word("desc", "DESC")).Opt(),
		spec.Word("sorting", "ALPHA").Opt(),
	}
	const complexity = "O(N+M*log(M)) in the elements there are and those returned"
	return []engine.Command{
		{Do: doSort, Wide: hasPattern, Sole: soleSorted, Weighs: true, Command: spec.Command{
			Name: "sort", Arity: -2, Flags: spec.Write | spec.DenyOOM, Cats: cats, Group: spec.GroupGeneric, Since: "1.0.0", Complex: complexity,
			Summary: "Sorts the elements of a list, a set or a sorted set, and may store them as a list.",
			Keys: append(slices.Clone(keys), unknown(spec.KeyOW|spec.KeyUpdate,
				"For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array")),
			Args: append(slices.Clone(args), spec.Key("destination", 2).With("STORE").Opt()), GetKeys: sortKeys,
		}},
		{Do: doSortRO, Wide: hasPattern, Sole: soleSorted, Weighs: true, Command: spec.Command{
			Name: "sort_ro", Arity: -2, Flags: spec.ReadOnly, Cats: cats, Group: spec.GroupGeneric, Since: "7.0.0", Complex: complexity,
			Summary: "Sorts the elements of a list, a set or a sorted set.",
			Keys:    keys, Args: args, GetKeys: func(args [][]byte) ([]int, bool) { return []int{1}, len(args) > 1 },
		}},
	}
}

// hasPattern reports whether a word may be a pattern that names keys.
func hasPattern(args [][]byte) bool {
	return slices.ContainsFunc(args[min(2, len(args)):], func(word []byte) bool { return bytes.IndexByte(word, '*') >= 0 })
}

// soleSorted is the key that is sorted where no word may name another.
func soleSorted(args [][]byte) int {
	const key = 1
	for i := key + 1; i < len(args); i++ {
		if spec.EqualFold(args[i], "store") || bytes.IndexByte(args[i], '*') >= 0 {
			return 0
		}
	}
	return key
}

// sortKeys finds SORT's keys: the last STORE counts.
func sortKeys(args [][]byte) ([]int, bool) {
	if len(args) < 2 {
		return nil, false
	}
	store := 0
	for i := 2; i < len(args); i++ {
		switch {
		case spec.EqualFold(args[i], "limit"):
			i += 2
		case spec.EqualFold(args[i], "get"), spec.EqualFold(args[i], "by"):
			i++
		case spec.EqualFold(args[i], "store") && i+1 < len(args):
			i++
			store = i
		}
	}
	if store == 0 {
		return []int{1}, true
	}
	return []int{1, store}, true
}

// sortOptions are SORT's.
type sortOptions struct {
	by          []byte // nil: by the elements themselves
	get         [][]byte
	store       []byte // nil: reply
	from, count int64
	desc, alpha bool
	unsorted    bool // BY something that is no pattern
}

// sortArgs reads the options; false: the error was written.
func sortArgs(c *engine.Ctx, mayStore bool) (o sortOptions, ok bool) {
	o.count = -1
	for i := 2; i < len(c.Args); i++ {
		word, left := c.Args[i], len(c.Args)-i-1
		switch {
		case spec.EqualFold(word, "asc"):
			o.desc = false
		case spec.EqualFold(word, "desc"):
			o.desc = true
		case spec.EqualFold(word, "alpha"):
			o.alpha = true
		case spec.EqualFold(word, "limit") && left >= 2:
			if o.from, ok = c.IntArg(c.Args[i+1]); !ok {
				return o, false
			}
			if o.count, ok = c.IntArg(c.Args[i+2]); !ok {
				return o, false
			}
			i += 2
		case mayStore && spec.EqualFold(word, "store") && left >= 1:
			i++
			o.store = c.Args[i]
		case spec.EqualFold(word, "by") && left >= 1:
			i++
			o.by = c.Args[i]
			if bytes.IndexByte(o.by, '*') < 0 {
				o.unsorted = true
			} else if !c.MayReadAnyKey() {
				c.Err(resp.ErrSortByDenied)
				return o, false
			}
		case spec.EqualFold(word, "get") && left >= 1:
			i++
			o.get = append(o.get, c.Args[i])
			if !c.MayReadAnyKey() {
				c.Err(resp.ErrSortGetDenied)
				return o, false
			}
		default:
			c.Err(resp.ErrSyntax)
			return o, false
		}
	}
	return o, true
}

// A sortItem is an element with what it is sorted by.
type sortItem struct {
	text   []byte
	weight float64
	number bool   // the element is one, and weight it
	by     []byte // nil: there is no such key
}

// fewItems is for how many elements nothing is allocated, and textRoom how many bytes their texts may
// have in all.
const fewItems, textRoom = 32, 1 << 10

func doSort(c *engine.Ctx)   { sortAll(c, true) }
func doSortRO(c *engine.Ctx) { sortAll(c, false) }

func sortAll(c *engine.Ctx, mayStore bool) {
	o, ok := sortArgs(c, mayStore)
	if !ok {
		return
	}
	var few [fewItems]sortItem
	items, kind, ok := sortItems(c, few[:0])
	if !ok {
		return
	}
	if o.unsorted && kind == "set" && (o.store != nil || c.InScript()) { // in an order that is the same everywhere
		o.unsorted, o.alpha, o.by = false, true, nil
	}
	switch {
	case !o.unsorted:
		if !o.weigh(c, items) {
			c.Err(resp.ErrSortBy)
			return
		}
		o.sort(items, kind)
	case kind != "set" && o.desc:
		slices.Reverse(items)
	}
	items = o.limit(items)
	if o.store == nil {
		o.reply(c, items)
	} else {
		o.keep(c, items)
	}
}

// sortItems are copies of the elements at the key, those of a list in into if it has room for them,
// and the type they are of; false: the error was written.
func sortItems(c *engine.Ctx, into []sortItem) (items []sortItem, kind string, ok bool) {
	v, ok := engine.ReadObject[engine.Object](c, c.Args[1])
	if !ok || v == nil {
		return nil, "", ok
	}
	c.Heavy(max(v.Len()*sortWeighs, int(v.Bytes())))
	if l, is := v.(*listObject); is {
		return listItems(l, into, c.Scratch(textRoom)), v.TypeName(), true
	}
	first, step := 2, 1
	switch kind = v.TypeName(); kind {
	case "set":
	case "zset":
		first, step = 3, 2 // behind their scores
	default:
		c.Err(resp.ErrWrongType)
		return nil, "", false
	}
	return commandItems(v, c.Args[1], first, step, c.Scratch(textRoom)), kind, true
}

// commandItems is sortItems of what stands in the commands that make v, in every step-th argument.
func commandItems(v engine.Object, key []byte, first, step int, texts []byte) []sortItem {
	items := make([]sortItem, 0, v.Len())
	_ = v.Commands(key, func(args ...[]byte) error {
		for i := first; i < len(args); i += step {
			at := len(texts)
			texts = append(texts, args[i]...) // an element keeps the array that it was put into
			items = append(items, sortItem{text: texts[at:len(texts):len(texts)]})
		}
		return nil
	}) // an error could only be of the function above
	return items
}

// sortWeighs is what an element that is sorted is taken to weigh in Ctx.Heavy at least, in bytes.
const sortWeighs = 256

// listItems is sortItems of a list, without a command for it in between. Texts go into texts as long
// as it has room.
func listItems(l *listObject, items []sortItem, texts []byte) []sortItem {
	items = slices.Grow(items, l.Len())
	for at := l.At(0); at.OK(); at.Next() {
		v, from := at.Value(), len(texts)
		texts = v.AppendText(texts)
		items = append(items, sortItem{text: texts[from:len(texts):len(texts)], weight: float64(v.Int), number: v.IsInt})
	}
	return items
}

// weigh finds what each is sorted by; false: one has no number.
func (o *sortOptions) weigh(c *engine.Ctx, items []sortItem) bool {
	numbers := true
	for i := range items {
		it := &items[i]
		if o.by == nil && !o.alpha && it.number {
			continue
		}
		it.by, it.weight = it.text, 0
		if o.by != nil {
			found, ok := sortLook(c, o.by, it.text)
			if it.by = nil; !ok {
				continue // as light as 0
			}
			it.by = append([]byte{}, found...)
		}
		if !o.alpha {
			var ok bool
			if it.weight, ok = decimal.ParseWeight(it.by); !ok {
				numbers = false
			}
		}
	}
	return numbers
}

// sort puts the items in order. Texts that clients see are compared up to a zero byte, as
// C does; texts that are stored, in full.
func (o *sortOptions) sort(items []sortItem, kind string) {
	text := func(b []byte) []byte {
		if o.store == nil {
			b, _, _ = bytes.Cut(b, []byte{0})
		}
		return b
	}
	if !o.alpha {
		o.sortNumbers(items)
		return
	}
	if kind == "set" && o.by != nil {
		slices.SortFunc(items, func(a, b sortItem) int { return bytes.Compare(a.text, b.text) })
	}
	order := func(a, b sortItem) int {
		switch {
		case a.by == nil && b.by == nil:
			return 0
		case a.by == nil: // what has no key goes first
			return -1
		case b.by == nil:
			return 1
		}
		return bytes.Compare(text(a.by), text(b.by))
	}
	slices.SortStableFunc(items, func(a, b sortItem) int {
		if o.desc {
			return order(b, a)
		}
		return order(a, b)
	})
}

// A sortWeight is what an item weighs, which is no NaN, and where it stands: less to move about than
// the item.
type sortWeight struct {
	weight float64
	at     int
}

// sortNumbers puts the items in the order of their weights, and of their texts where these are equal.
func (o *sortOptions) sortNumbers(items []sortItem) {
	var few [fewItems]sortWeight
	weights := few[:0]
	if len(items) > fewItems {
		weights = make([]sortWeight, 0, len(items))
	}
	for i := range items {
		weights = append(weights, sortWeight{items[i].weight, i})
	}
	if len(weights) <= fewItems {
		insertionSort(weights, items)
	} else {
		slices.SortFunc(weights, func(a, b sortWeight) int {
			switch {
			case a.weight < b.weight:
				return -1
			case a.weight > b.weight:
				return 1
			}
			return bytes.Compare(items[a.at].text, items[b.at].text)
		})
	}
	if o.desc {
		slices.Reverse(weights)
	}
	arrange(items, weights)
}

// insertionSort sorts a few weights of items.
func insertionSort(weights []sortWeight, items []sortItem) {
	for i := 1; i < len(weights); i++ {
		w, j := weights[i], i
		for ; j > 0; j-- {
			before := &weights[j-1]
			if before.weight < w.weight || before.weight == w.weight && bytes.Compare(items[before.at].text, items[w.at].text) <= 0 {
				break
			}
			weights[j] = *before
		}
		weights[j] = w
	}
}

// arrange puts the items where their weights stand, each of which says where its item is. The
// weights are of no use afterwards.
func arrange(items []sortItem, weights []sortWeight) {
	for i := range items {
		first, free := items[i], i
		for from := weights[i].at; from != i; from = weights[from].at {
			items[free], weights[free].at, free = items[from], free, from
		}
		items[free], weights[free].at = first, free
	}
}

// limit is the part that LIMIT asks for.
func (o *sortOptions) limit(items []sortItem) []sortItem {
	n := int64(len(items))
	from := min(max(o.from, 0), n)
	end := n
	if o.count >= 0 {
		end = min(from+min(o.count, n), n)
	}
	return items[from:end]
}

func (o *sortOptions) reply(c *engine.Ctx, items []sortItem) {
	c.W.Array(len(items) * max(len(o.get), 1))
	for i := range items {
		if len(o.get) == 0 {
			c.W.Bulk(items[i].text)
		}
		for _, pattern := range o.get {
			if text, ok := sortLook(c, pattern, items[i].text); ok {
				c.W.Bulk(text)
			} else {
				c.W.Null()
			}
		}
	}
}

// keep stores the items as a list.
func (o *sortOptions) keep(c *engine.Ctx, items []sortItem) {
	if len(items) == 0 {
		if c.Peek(o.store).OK() && c.Remove(o.store) {
			c.Notify(engine.EventGeneric, "del", o.store)
			c.PropagateSelf()
		}
		c.W.Int(0)
		return
	}
	l, fill := engine.Fresh[*listObject](c, engine.FormList), fill(c)
	push := func(text []byte) {
		e := listpack.ElementOf(text)
		l.push(right, &e, fill)
	}
	for i := range items {
		if len(o.get) == 0 {
			push(items[i].text)
		}
		for _, pattern := range o.get {
			text, _ := sortLook(c, pattern, items[i].text) // nothing is stored as an empty text
			push(text)
		}
	}
	n := int64(l.Len())
	c.PutObject(o.store, l)
	c.Notify(engine.EventList, "sortstore", o.store)
	c.PropagateSelfN(n)
	c.W.Int(n)
}

// A fielded value has fields: a hash.
type fielded interface {
	Get(field []byte) (listpack.Value, bool)
}

// sortLook is what a pattern means for an element: # the element itself, otherwise the
// string at the key, or the field behind -> of the hash at it, in whose name the element
// stands for the first *. It is valid until the next change of the keyspace.
func sortLook(c *engine.Ctx, pattern, element []byte) (text []byte, ok bool) {
	if len(pattern) == 1 && pattern[0] == '#' {
		return element, true
	}
	star := bytes.IndexByte(pattern, '*')
	if star < 0 {
		return nil, false
	}
	after, field := pattern[star+1:], []byte(nil)
	if at := bytes.Index(after, []byte("->")); at >= 0 && at+2 < len(after) {
		after, field = after[:at], after[at+2:]
	}
	en := c.Read(slices.Concat(pattern[:star], element, after))
	if !en.OK() {
		return nil, false
	}
	if field == nil {
		if v := en.Value(); v.Kind == dict.Int {
			var buf [decimal.MaxLen]byte
			return engine.Text(v, &buf), true
		} else if v.Kind.IsString() {
			return v.Bytes, true
		}
		return nil, false
	}
	if en.IsString() {
		return nil, false
	}
	o, _ := engine.ObjectOf[engine.Object](c, en)
	h, ok := o.(fielded)
	if !ok {
		return nil, false
	}
	v, ok := h.Get(field)
	return v.AppendText(nil), ok
}
