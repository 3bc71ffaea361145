package rdb

import "fmt"

const (
	// Version is the format's version as it is written: redis-server 7.0's.
	Version = 10
	// MaxVersion is the newest that is read: redis-server 7.4's.
	MaxVersion = 12

	magic        = "REDIS"
	magicBytes   = len(magic) + 4
	checksumFrom = 5 // the version since which files end with a checksum
	trailerBytes = 8
)

// Opcodes: what stands where a key's type could stand.
const (
	opSlotInfo   = 0xF4
	opFunction   = 0xF5
	opFunctionRC = 0xF6 // only release candidates of 7.0 wrote it; Redis refuses it too
	opModuleAux  = 0xF7
	opIdle       = 0xF8
	opFreq       = 0xF9
	opAux        = 0xFA
	opResizeDB   = 0xFB
	opExpireMs   = 0xFC
	opExpireSec  = 0xFD
	opSelectDB   = 0xFE
	opEOF        = 0xFF
	opFirst      = opSlotInfo
)

// A Type is the byte before a key: how its value is laid out.
type Type uint8

// The types of redis-server up to 7.4.
const (
	TypeString          Type = 0
	TypeList            Type = 1
	TypeSet             Type = 2
	TypeZset            Type = 3 // scores as text
	TypeHash            Type = 4
	TypeZset2           Type = 5 // scores as 8 bytes
	TypeModule          Type = 6 // has no layout of its own: cannot be skipped
	TypeModule2         Type = 7
	TypeHashZipmap      Type = 9
	TypeListZiplist     Type = 10
	TypeSetIntset       Type = 11
	TypeZsetZiplist     Type = 12
	TypeHashZiplist     Type = 13
	TypeListQuicklist   Type = 14
	TypeStream          Type = 15
	TypeHashListpack    Type = 16
	TypeZsetListpack    Type = 17
	TypeListQuicklist2  Type = 18
	TypeStream2         Type = 19
	TypeSetListpack     Type = 20
	TypeStream3         Type = 21
	TypeHashFieldsRC    Type = 22 // fields with expiries, as candidates of 7.4 wrote them
	TypeHashListpackRC  Type = 23
	TypeHashFields      Type = 24 // fields with expiries
	TypeHashListpackTTL Type = 25
)

// typeNames are what TYPE answers for a key, and the encoding's name.
var typeNames = [...]struct{ kind, encoding string }{
	TypeString: {"string", ""}, TypeList: {"list", "linkedlist"}, TypeSet: {"set", "hashtable"},
	TypeZset: {"zset", "skiplist"}, TypeHash: {"hash", "hashtable"}, TypeZset2: {"zset", "skiplist"},
	TypeModule: {"module", "version 1"}, TypeModule2: {"module", ""}, TypeHashZipmap: {"hash", "zipmap"},
	TypeListZiplist: {"list", "ziplist"}, TypeSetIntset: {"set", "intset"}, TypeZsetZiplist: {"zset", "ziplist"},
	TypeHashZiplist: {"hash", "ziplist"}, TypeListQuicklist: {"list", "quicklist"}, TypeStream: {"stream", ""},
	TypeHashListpack: {"hash", "listpack"}, TypeZsetListpack: {"zset", "listpack"},
	TypeListQuicklist2: {"list", "quicklist"}, TypeStream2: {"stream", ""}, TypeSetListpack: {"set", "listpack"},
	TypeStream3: {"stream", ""}, TypeHashFieldsRC: {"hash", "field expiries"},
	TypeHashListpackRC: {"hash", "listpack with field expiries"}, TypeHashFields: {"hash", "field expiries"},
	TypeHashListpackTTL: {"hash", "listpack with field expiries"},
}

// known reports whether t is a type of some Redis.
func (t Type) known() bool { return int(t) < len(typeNames) && typeNames[t].kind != "" }

// Kind is what the command TYPE answers for such a key.
func (t Type) Kind() string {
	if !t.known() {
		return fmt.Sprintf("type %d", uint8(t))
	}
	return typeNames[t].kind
}

// String is the kind, and the encoding where that says more.
func (t Type) String() string {
	if !t.known() || typeNames[t].encoding == "" {
		return t.Kind()
	}
	return typeNames[t].kind + " (" + typeNames[t].encoding + ")"
}

// Forms of a length's first byte: the top two bits, and whole bytes.
const (
	len6     = 0 << 6
	len14    = 1 << 6
	len32    = 0x80
	len64    = 0x81
	encInt8  = 0xC0
	encInt16 = 0xC1
	encInt32 = 0xC2
	encLZF   = 0xC3

	lenForm = 0xC0 // mask of the form
	lenLow  = 0x3F // mask of the rest
)

const (
	// maxString bounds one string in bytes, four times what a client may send.
	// It refuses lengths that cannot be meant; memory is bounded by what
	// arrives, not by this.
	maxString = 1<<31 - 1
	// maxDB bounds a database's number.
	maxDB = 1 << 30
	// maxIntText is how long a decimal integer can be that fits 32 bits.
	maxIntText = 11
	// minCompress is the length from which compression is tried, in bytes.
	minCompress = 21
)
