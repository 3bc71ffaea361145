// Package glob matches names with the patterns of KEYS, SCAN, PSUBSCRIBE and
// CONFIG GET as Redis does (util.c, stringmatchlen).
package glob

// Match reports whether s matches Redis's glob pattern: * any run, ? any
// byte, [abc] [a-z] [^a] a byte of a class, \x the byte x itself. What is
// malformed means what it means to Redis: a class without an end closes at
// the end of the pattern, a backslash there stands for itself, and nothing
// but the empty pattern matches the empty string.
//
// Only the last * is ever taken back: what stood before it has matched as
// early as it could, and later would not help. So the work is at most
// len(pattern) * len(s), where trying every * anew would be exponential.
func Match(pattern, s []byte) bool {
	if len(s) == 0 {
		return len(pattern) == 0
	}
	p, i := 0, 0
	star, resume := -1, 0 // after the last *, and where it would try next
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, resume = p, i
			continue
		}
		if n := step(pattern[p:], s[i]); n > 0 {
			p, i = p+n, i+1
			continue
		}
		if star < 0 {
			return false
		}
		resume++
		p, i = star, resume
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// step matches c with the pattern's first element, which is no *, and
// returns the element's length, 0 when it does not match.
func step(pattern []byte, c byte) int {
	if len(pattern) == 0 {
		return 0
	}
	switch pattern[0] {
	case '?':
		return 1
	case '[':
		match, n := class(pattern[1:], c)
		if match {
			return 1 + n
		}
		return 0
	case '\\':
		if len(pattern) >= 2 {
			if pattern[1] == c {
				return 2
			}
			return 0
		}
	}
	if pattern[0] == c {
		return 1
	}
	return 0
}

// class matches c with a class whose [ has been read, and returns the
// class's length up to and with its ].
func class(class []byte, c byte) (match bool, n int) {
	not := len(class) > 0 && class[0] == '^'
	if not {
		n++
	}
	for {
		rest := class[n:]
		switch {
		case len(rest) == 0:
			return match != not, n
		case rest[0] == '\\' && len(rest) >= 2:
			match = match || rest[1] == c
			n += 2
		case rest[0] == ']':
			return match != not, n + 1
		case len(rest) >= 3 && rest[1] == '-':
			lo, hi := min(rest[0], rest[2]), max(rest[0], rest[2])
			match = match || (lo <= c && c <= hi)
			n += 3
		default:
			match = match || rest[0] == c
			n++
		}
	}
}
