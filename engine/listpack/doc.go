// Package listpack packs a sequence of strings into one piece of memory, in
// Redis's layout to the byte (listpack.c, listpack.md): it is what RDB files carry,
// so that a copy of data is a copy of bytes.
//
//	total 4 | count 2 | entry | entry | ... | 0xFF
//	'- bytes of all, little endian  '- 0xFFFF: unknown, too many
//
//	entry     encoding and data                       back length
//	          0nnnnnnn                                  '- bytes of encoding and data,
//	          10llllll string                              to walk backwards: seven bits
//	          110nnnnn nnnnnnnn                            a byte, the highest first, all
//	          1110llll llllllll string                     but the first marked with 0x80
//	          F0 l l l l string
//	          F1 nn   F2 nnn   F3 nnnn   F4 nnnnnnnn
//
// n are integers, signed but the first, and little endian from F1 on; l are
// lengths, little endian after F0. A string that reads as a 64-bit integer in its
// shortest form is packed as one, and comes out as the same text.
//
// Positions are offsets of entries. Functions that take a listpack trust it: what
// comes from outside goes through Validate, Strip or StripPairs first.
//
// In memory much of that can be reckoned. Three other forms leave it out, and give the
// listpack back to the byte:
//
//	Bare    small hashes and sorted sets, edited in place: no back lengths, no length, no end
//	Even    full nodes of lists, which are looked at: no lengths, and of elements that are
//	        alike what they share and the bits that tell nothing
//	Packed  full nodes of streams, which are unpacked to be looked at: no back lengths, and of
//	        texts the bits that tell
//
// Bytes of the elements that the benchmark of values has, by arithmetic (a
// text of n < 64 bytes, a small number, and both in a pair):
//
//	             text     number     field and value of 8    member of 8, score below 128
//	listpack     n + 2        2              20                        12
//	Bare         n + 1        1              18                        10
//
// A Bare without the lengths of texts, or with one for both of a pair, would win one more byte
// of a pair, and its elements would no longer be read as a listpack's are. It is not built.
//
// Ziplist walks over the format that listpacks have replaced, which old RDB files
// hold.
package listpack
