package listpack

import (
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestLayout holds listpacks as redis-server 7.0 writes them against ours.
func TestLayout(t *testing.T) {
	for _, tc := range []struct {
		text string
		want string // the entry
	}{
		{"0", "\x00\x01"}, {"127", "\x7f\x01"}, {"128", "\xc0\x80\x02"}, {"-1", "\xdf\xff\x02"},
		{"4095", "\xcf\xff\x02"}, {"-4096", "\xd0\x00\x02"}, {"4096", "\xf1\x00\x10\x03"}, {"-4097", "\xf1\xff\xef\x03"},
		{"32768", "\xf2\x00\x80\x00\x04"}, {"-32769", "\xf2\xff\x7f\xff\x04"}, {"8388608", "\xf3\x00\x00\x80\x00\x05"},
		{"2147483648", "\xf4\x00\x00\x00\x80\x00\x00\x00\x00\x09"},
		{"-9223372036854775808", "\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09"},
		{"9223372036854775808", "\x939223372036854775808\x14"},
		{"", "\x80\x01"}, {"a", "\x81a\x02"}, {"01", "\x8201\x03"}, {"-0", "\x82-0\x03"}, {"+1", "\x82+1\x03"},
		{strings.Repeat("s", 63), "\xbf" + strings.Repeat("s", 63) + "\x40"},
		{strings.Repeat("s", 64), "\xe0\x40" + strings.Repeat("s", 64) + "\x42"},
		{strings.Repeat("s", 126), "\xe0\x7e" + strings.Repeat("s", 126) + "\x01\x80"},
		{strings.Repeat("s", 4095), "\xef\xff" + strings.Repeat("s", 4095) + "\x20\x81"},
		{strings.Repeat("s", 4096), "\xf0\x00\x10\x00\x00" + strings.Repeat("s", 4096) + "\x20\x85"},
		{strings.Repeat("s", 16377), "\xf0\xf9\x3f\x00\x00" + strings.Repeat("s", 16377) + "\x7f\xfe"},
		{strings.Repeat("s", 16378), "\xf0\xfa\x3f\x00\x00" + strings.Repeat("s", 16378) + "\x00\xff\xff"},
	} {
		e := ElementOf([]byte(tc.text))
		lp := Insert(New(0), headerLen, &e)
		if got := string(lp[headerLen : len(lp)-1]); got != tc.want {
			t.Errorf("%.30q: %.60q, want %.60q", tc.text, got, tc.want)
		}
		if got := string(Get(lp, headerLen).AppendText(nil)); got != tc.text {
			t.Errorf("%.30q comes out as %.30q", tc.text, got)
		}
	}
}

// TestModel: a listpack does what a slice does.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lp := New(0)
		var model []string
		at := func(i int) int {
			p := First(lp)
			for range i {
				p = Next(lp, p)
			}
			return p
		}
		index := func(n int) int {
			if n < 0 {
				rt.Skip()
			}
			return rapid.IntRange(0, n).Draw(rt, "i")
		}
		text := func() (*Element, string) {
			s := rapid.StringN(0, 200, -1).Draw(rt, "text")
			if rapid.Bool().Draw(rt, "number") {
				s = strconv.FormatInt(rapid.Int64().Draw(rt, "n")>>rapid.IntRange(0, 63).Draw(rt, "shift"), 10)
			}
			e := ElementOf([]byte(s))
			return &e, s
		}
		rt.Repeat(map[string]func(*rapid.T){
			"insert": func(*rapid.T) {
				i := index(len(model))
				e, s := text()
				lp = Insert(lp, at(i), e)
				model = append(model[:i:i], append([]string{s}, model[i:]...)...)
			},
			"replace": func(*rapid.T) {
				i := index(len(model) - 1)
				e, s := text()
				lp = Replace(lp, at(i), e)
				model[i] = s
			},
			"delete": func(*rapid.T) {
				i := index(len(model) - 1)
				n := rapid.IntRange(1, len(model)-i).Draw(rt, "n")
				lp = Delete(lp, at(i), at(i+n), n)
				model = append(model[:i:i], model[i+n:]...)
			},
			"part": func(*rapid.T) {
				i := index(len(model))
				n := rapid.IntRange(0, len(model)-i).Draw(rt, "n")
				lp, model = Part(lp, at(i), at(i+n), n), model[i:i+n:i+n]
			},
			"": func(*rapid.T) {
				if n, err := Validate(lp); err != nil || n != len(model) || Len(lp) != n {
					rt.Fatalf("%d elements, want %d: %v", n, len(model), err)
				}
				p := End(lp)
				for i := len(model) - 1; i >= 0; i-- {
					q := Prev(lp, p)
					e := ElementOf([]byte(model[i]))
					if v := Get(lp, q); string(v.AppendText(nil)) != model[i] || !e.Is(v) || Next(lp, q) != p || e.Size() != p-q {
						rt.Fatalf("element %d is %q, not %q", i, v.AppendText(nil), model[i])
					}
					p = q
				}
				if p != First(lp) {
					rt.Fatalf("the first element is at %d", p)
				}
			},
		})
	})
}

// use walks over a listpack in every way, which must not go astray in what
// Validate has let through.
func use(lp []byte) (size int) {
	for p := First(lp); p < End(lp); p = Next(lp, p) {
		size += len(Get(lp, p).AppendText(nil))
	}
	for p := End(lp); p > First(lp); {
		p = Prev(lp, p)
		size -= len(Get(lp, p).AppendText(nil))
	}
	return size
}

func FuzzValidate(f *testing.F) {
	lp := New(0)
	for _, s := range []string{"a", "", "12", "-5", "70000", strings.Repeat("x", 100), strings.Repeat("y", 5000), "99999999999"} {
		e := ElementOf([]byte(s))
		lp = Insert(lp, End(lp), &e)
		f.Add(lp)
	}
	f.Add([]byte("\x09\x00\x00\x00\x01\x00\xf0\xff\xff"))
	f.Fuzz(func(t *testing.T, lp []byte) {
		if len(lp) >= 4 { // get past the first look
			lp = append([]byte(nil), lp...)
			binary.LittleEndian.PutUint32(lp, uint32(len(lp)))
			if len(lp) > 5 {
				lp[4], lp[5] = 0xFF, 0xFF
			}
		}
		n, err := Validate(lp)
		if err != nil {
			return
		}
		if got := Len(lp); got != n {
			t.Errorf("%d elements, counted %d", n, got)
		}
		if use(lp) != 0 {
			t.Error("it reads differently from the end")
		}
	})
}

func TestDamageIsFound(t *testing.T) {
	e := ElementOf([]byte("text"))
	lp := Insert(New(0), headerLen, &e)
	for i := range lp {
		bad := append([]byte(nil), lp...)
		bad[i] ^= 0x80
		if _, err := Validate(bad); err == nil && i != headerLen+2 && (i < headerLen || i > headerLen+4) {
			t.Errorf("byte %d is not looked at", i)
		}
		if _, err := Validate(lp[:i]); err == nil {
			t.Errorf("cut at %d it is whole", i)
		}
	}
}

func FuzzZiplist(f *testing.F) {
	f.Add([]byte("\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff"))
	f.Add([]byte("\x15\x00\x00\x00\x12\x00\x00\x00\x03\x00\x00\x01a\x03\xc0\x00\x10\x04\xf3\xff"))
	f.Fuzz(func(t *testing.T, zl []byte) {
		if len(zl) >= 4 {
			zl = append([]byte(nil), zl...)
			zl[0], zl[1], zl[2], zl[3] = byte(len(zl)), byte(len(zl)>>8), byte(len(zl)>>16), 0
		}
		size := 0
		_ = Ziplist(zl, func(v Value) { size += len(v.AppendText(nil)) }) // it may be damaged, and must not panic
		if size > 20*len(zl) {
			t.Errorf("%d bytes come out of %d", size, len(zl))
		}
	})
}

func TestZiplist(t *testing.T) {
	read := func(zl string) (got []string, err error) {
		err = Ziplist([]byte(zl), func(v Value) { got = append(got, string(v.AppendText(nil))) })
		return got, err
	}
	zl := "\x3a\x00\x00\x00\x2e\x00\x00\x00\x08\x00" +
		"\x00\x01a" + "\x03\xc0\x00\x10" + "\x04\xf3" + "\x02\xfe\xff" + "\x03\xf0\xff\xff\x7f" + "\x05\xd0\x00\x00\x00\x80" +
		"\x06\x40\x03abc" + "\x06\xe0\x01\x00\x00\x00\x00\x00\x00\x00" + "\xff"
	// The last entry is 10 bytes long, before the end.
	zl = strings.Replace(zl, "\x3a\x00\x00\x00\x2e", string([]byte{byte(len(zl)), 0, 0, 0, byte(len(zl) - 11)}), 1)
	got, err := read(zl)
	want := "a 4096 2 -1 8388607 -2147483648 abc 1"
	if s := strings.Join(got, " "); s != want || err != nil {
		t.Errorf("%q, %v, want %q", s, err, want)
	}
	for i := range zl {
		if _, err := read(zl[:i]); err == nil {
			t.Errorf("cut at %d it is whole", i)
		}
	}
}

// evenLetters are more than an alphabet has.
const evenLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/.,:;!?"

// TestEvenOfFewLetters: hexadecimal digits take half a byte each, base64 three quarters.
func TestEvenOfFewLetters(t *testing.T) {
	for _, c := range []struct {
		letters string
		most    int // bytes of an element of 64
	}{{"01", 8}, {"0123456789abcdef", 32}, {"0123456789abcdef-", 40}, {evenLetters[:64], 48}} {
		lp := New(0)
		rnd := rand.New(rand.NewPCG(1, 2))
		const n = 100
		for range n {
			text := make([]byte, 64)
			for i := range text {
				text[i] = c.letters[rnd.IntN(len(c.letters))]
			}
			e := ElementOf(text)
			lp = Insert(lp, End(lp), &e)
		}
		ev, ok := EvenOf(lp)
		if head := evenHead + 2 + 1<<ev.width(); !ok || len(ev) > head+n*c.most {
			t.Errorf("%d elements of %q take %d bytes, more than %d each", n, c.letters, len(ev), c.most)
		}
		if string(ev.Append(nil)) != string(lp) {
			t.Errorf("those of %q come back differently", c.letters)
		}
	}
}

// TestEven: an Even shows what its listpack shows, and gives it back to the byte.
func TestEven(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		prefix := strings.Repeat("p", rapid.SampledFrom([]int{0, 0, 1, 5, 62, 63, 64, 127, 5000}).Draw(rt, "prefix"))
		digits := rapid.SampledFrom([]int{0, 1, 2, 3, 5, 9, 19}).Draw(rt, "digits")
		letters := rapid.SampledFrom([]string{"123456789", "01", "0123456789abcdef", "acgt-", evenLetters[:32], evenLetters[:64], evenLetters}).Draw(rt, "letters")
		lp := New(0)
		for range rapid.IntRange(0, 40).Draw(rt, "n") {
			s := prefix
			for range digits {
				s += string(letters[rapid.IntRange(0, len(letters)-1).Draw(rt, "digit")])
			}
			if rapid.IntRange(0, 200).Draw(rt, "odd") == 0 {
				s += "odd"
			}
			e := ElementOf([]byte(s))
			lp = Insert(lp, End(lp), &e)
		}
		ev, ok := EvenOf(lp)
		alike := true
		for p := First(lp); p < End(lp); p = Next(lp, p) {
			alike = alike && len(Get(lp, p).AppendText(nil)) == len(Get(lp, First(lp)).AppendText(nil))
		}
		switch {
		case !ok && alike && Len(lp) >= 10 && len(prefix) > 0:
			rt.Fatalf("%d entries that are alike are not even", Len(lp))
		case !ok:
			return
		case !alike && len(prefix) > 0:
			rt.Fatal("entries of several lengths are even")
		}
		if got := ev.Append([]byte("before")); string(got) != "before"+string(lp) {
			rt.Fatalf("%q, not %q", got[6:], lp)
		}
		if ev.Len() != Len(lp) || ev.Size() != len(lp) || len(ev) != cap(ev) || len(ev) >= len(lp) {
			rt.Fatalf("%d elements, %d bytes in %d, not %d and %d", ev.Len(), ev.Size(), len(ev), Len(lp), len(lp))
		}
		var text []byte
		for i, p := 0, First(lp); p < End(lp); i, p = i+1, Next(lp, p) {
			var v Value
			v, text = ev.Get(i, text)
			if got, want := v.AppendText(nil), Get(lp, p).AppendText(nil); string(got) != string(want) {
				rt.Fatalf("element %d is %q, not %q", i, got, want)
			}
		}
	})
}

// TestEvenOfOthers: a listpack that other programs have packed in another way comes back
// as it was, or is none.
func TestEvenOfOthers(t *testing.T) {
	text := ElementOf([]byte("abc"))
	for name, entry := range map[string]string{
		"a number as text":       "\x83123\x04",
		"a long form of lengths": "\xE0\x03abc\x05",
		"a wide number":          "\xF2\x7B\x00\x00\x04",
	} {
		lp := New(0)
		for range 20 {
			lp = Insert(lp, End(lp), &text)
		}
		lp = append(append(lp[:len(lp)-1], entry...), endByte)
		setHeader(lp, 21)
		if _, err := Validate(lp); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if ev, ok := EvenOf(lp); ok && string(ev.Append(nil)) != string(lp) {
			t.Errorf("%s: %q, not %q", name, ev.Append(nil), lp)
		}
	}
}
