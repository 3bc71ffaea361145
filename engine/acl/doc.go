// Package acl knows what each user may do: users with passwords, and rules that say which
// commands, keys and channels they may use, as Redis 7.0 has them. It is what the
// dispatcher asks before a command runs, and what the ACL commands show and change.
//
//	Users ── name ──► User ── atomic ──► Rights      never changed once they are a user's
//	                                      ├ on, passwords (SHA-256)
//	                                      ├ root selector:  commands │ keys │ channels
//	                                      └ selectors ...   commands │ keys │ channels
//
// A command is allowed if one selector allows all of it. Whether it does follows from
// the command table alone: the command's number is a bit, its categories say which bits
// a rule sets, its key specs and their flags say what is done to which argument.
//
// # What it does not do
//
// It knows no session, no file and no log of the cluster: package engine has those. It
// runs no command.
//
// # Invariants
//
//   - Rights that belong to a user are not changed: a change makes new ones and puts them
//     in the place of the old, so that asking needs no lock. Rules that are given together
//     come into force together, or not at all.
//   - Rights that allow everything are known by one flag (Rights.Free): what the default
//     user has costs one look.
//   - Passwords are kept as digests, and compared in constant time.
//   - What Rights.Rules describes, given to a new user, makes the same rights.
//
// Sources: Redis 7.0's documentation of access lists, and its behaviour.
package acl
