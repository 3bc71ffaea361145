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
// comes from outside goes through Validate first.
//
// Ziplist walks over the format that listpacks have replaced, which old RDB files
// hold.
package listpack
