package spec

// EqualFold reports whether word is lower, which is in lower case, in any ASCII
// case. It reads words of commands as redis-server does, as C strings: one ends at a NUL.
func EqualFold(word []byte, lower string) bool {
	n := len(lower)
	if len(word) < n || len(word) > n && word[n] != 0 {
		return false
	}
	for i, c := range word[:n] {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// SameName is EqualFold for names that are looked up in a table: a NUL is a letter of them.
func SameName(name []byte, lower string) bool {
	return len(name) == len(lower) && EqualFold(name, lower)
}

// Lower is s with its ASCII letters in lower case.
func Lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
