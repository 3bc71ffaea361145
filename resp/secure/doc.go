// Package secure makes crypto/tls's configurations out of what Redis's tls-*
// directives say: certificates and keys from files, authorities from a file or a
// folder, protocols and ciphers by OpenSSL's names. It keeps them current while the files
// change (Store), and tells when they expire.
//
// Both ends use it: the listener and the peers' channel of a server, and `regent cli`.
//
// What holds:
//
//   - There is no cryptography here. Encrypted keys are read with the standard
//     library's PBKDF2, AES and DES alone (keys.go).
//   - A State is whole and does not change. A set of files that cannot be used leaves the
//     one before in force.
//   - Each State has session tickets of its own, so that a session that began under
//     certificates or authorities that have gone cannot be resumed: its client has to
//     show what counts now.
//   - What crypto/tls cannot be told beforehand is looked at when a handshake is over,
//     and ends the connection: a suite of TLS 1.3 that tls-ciphersuites does not name, a
//     protocol that tls-protocols leaves out between two others. Nothing is ever weaker than
//     was asked for.
//
// What it does not do: it opens no socket, leaves no goroutine behind and reads no clock but
// through Settings.Now.
package secure
