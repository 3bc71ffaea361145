package acl

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// digestLen is how many hexadecimal digits a digest has.
const digestLen = 2 * sha256.Size

// Digest is what is kept of a password.
func Digest(password []byte) string {
	sum := sha256.Sum256(password)
	return hex.EncodeToString(sum[:])
}

// isDigest reports whether s could be one: lower case, as Redis wants it.
func isDigest(s string) bool {
	return len(s) == digestLen && strings.Trim(s, "0123456789abcdef") == ""
}

// knows reports whether one of the digests is the password's. How long it takes does
// not depend on which, nor on how much of one is right.
func knows(digests []string, password []byte) bool {
	said := []byte(Digest(password))
	right := 0
	for _, d := range digests {
		right |= subtle.ConstantTimeCompare(said, []byte(d))
	}
	return right == 1
}
