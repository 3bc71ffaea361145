package resp

// Messages are what is published to one channel, one message behind the other, as those that
// listen are sent them. They share the bytes that Text gives, which do not change any more: so a
// message is encoded once, however many hear it. The zero value holds nothing.
type Messages struct {
	text []byte // in RESP2, for those that have named the channel
	cuts []cut
	last int // bytes of the messages before the last Clear
}

// A cut is a message's place in the text: where it begins, and where its parts are.
type cut struct{ start, channel, channelEnd, payload, payloadEnd int }

// maxHeads is how many bytes stand round the parts of a message, as a rule.
const maxHeads = 48

// Add puts a message at the end; kind is message or smessage.
func (m *Messages) Add(kind string, channel, payload []byte) {
	if m.text == nil {
		m.text = make([]byte, 0, max(len(kind)+len(channel)+len(payload)+maxHeads, m.last))
	}
	at := cut{start: len(m.text)}
	b := AppendBulk(append(m.text, "*3\r\n"...), kind)
	b = AppendBulk(b, channel)
	at.channelEnd = len(b) - len("\r\n")
	at.channel = at.channelEnd - len(channel)
	b = AppendBulk(b, payload)
	at.payloadEnd = len(b) - len("\r\n")
	at.payload = at.payloadEnd - len(payload)
	m.text, m.cuts = b, append(m.cuts, at)
}

// Len is how many bytes there are in RESP2.
func (m *Messages) Len() int { return len(m.text) }

// Clear forgets the messages.
func (m *Messages) Clear() {
	m.last, m.text, m.cuts = min(len(m.text), maxRoom), nil, m.cuts[:0]
}

// maxRoom is for how many bytes of messages there is room at once.
const maxRoom = 16 << 10

// Text is the messages in a version of the protocol, for those that have named the channel, or
// those that have a pattern.
func (m *Messages) Text(proto int, pattern string) []byte {
	if pattern == "" && proto != RESP3 {
		return m.text
	}
	var kind byte = '*'
	if proto == RESP3 {
		kind = '>'
	}
	var text []byte
	if pattern == "" {
		text = append(text, m.text...)
		for _, at := range m.cuts {
			text[at.start] = kind
		}
		return text
	}
	for _, at := range m.cuts {
		text = AppendBulk(append(text, kind, '4', '\r', '\n'), "pmessage")
		text = AppendBulk(AppendBulk(text, pattern), m.text[at.channel:at.channelEnd])
		text = AppendBulk(text, m.text[at.payload:at.payloadEnd])
	}
	return text
}
