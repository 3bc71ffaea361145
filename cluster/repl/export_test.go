package repl

// Owes reports whether something is put off until a loop tends.
func (s *Sender) Owes() bool { return s.owes.Load() }

// Level reports whether the pump has sent all that there was, and Push does so from now on.
func (s *Sender) Level() bool {
	s.out.Lock()
	defer s.out.Unlock()
	return s.level
}
