package engine

// maxReply is how many bytes one reply may take where client-output-buffer-limit
// sets no limit, as it does by default: a client that asks for more (SRANDMEMBER
// with a count of -2^62) would bring the process down.
const maxReply = 4 << 30

// ReplyBound is how many bytes a reply may take while it is built, for a client
// that has not been sent that many bytes yet; at least 1. Beyond it the session's writer
// overflows, and its connection ends as for any unsent output over the limit.
func (e *Engine) ReplyBound(unsent int) int {
	hard := e.Config.OutputHardNormal.Get()
	if hard <= 0 {
		return maxReply
	}
	return int(max(min(hard, maxReply)-int64(unsent), 1))
}

// FreeMemory gives memory that is not needed back to the system, in the background.
func (e *Engine) FreeMemory() { e.host.AfterFunc(0, e.control.FreeMemory) }
