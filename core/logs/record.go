package logs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// A segment is a sequence of records, each a header and its data. Numbers are
// little-endian.
//
//	0  length of the data  uint32
//	4  CRC-32C of all that follows, header and data  uint32
//	8  time, nanoseconds since 1970  int64; the least one for no time
//	16 offset in the stream  int64
//	24 step  int32
//	28 attempt  uint16
//	30 stream  uint8; sealRecord ends a log; with spanFlag, the data begins with
//	   the record's span, a uint64
//	31 format version  uint8
const headerSize = 32

const (
	formatVersion = 1
	sealRecord    = 0xff
	spanFlag      = 0x80
	spanSize      = 8
	// maxRecord is the most data of one record; longer appends become several.
	maxRecord          = 64 << 10
	defaultSegmentSize = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errTorn says that a record is not there to its end: it was being written when the
// process died, or it is being written now.
var errTorn = errors.New("a record is not complete")

// appendRecord encodes a record.
func appendRecord(b []byte, r core.LogRecord, stream uint8) []byte {
	at, length := len(b), len(r.Data)
	if r.Span > 0 {
		stream |= spanFlag
		length += spanSize
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(length))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(nanoseconds(r.Time)))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Offset))
	b = binary.LittleEndian.AppendUint32(b, uint32(int32(r.Step)))
	b = binary.LittleEndian.AppendUint16(b, uint16(r.Attempt))
	b = append(b, stream, formatVersion)
	if r.Span > 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(r.Span))
	}
	b = append(b, r.Data...)
	binary.LittleEndian.PutUint32(b[at+4:], crc32.Checksum(b[at+8:], castagnoli))
	return b
}

// parsed is a record and its size in the file.
type parsed struct {
	record core.LogRecord
	size   int64
	seal   bool
}

// parseRecord decodes the record at the beginning of b. Its Data is part of b. It
// returns errTorn when b ends before the record, and another error for what cannot
// have been written by this package.
func parseRecord(b []byte) (parsed, error) {
	if len(b) < headerSize {
		return parsed{}, errTorn
	}
	length := binary.LittleEndian.Uint32(b)
	if length > maxRecord {
		return parsed{}, fmt.Errorf("a record claims %d bytes; %d is the most", length, maxRecord)
	}
	size := headerSize + int(length)
	if len(b) < size {
		return parsed{}, errTorn
	}
	if crc32.Checksum(b[8:size], castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return parsed{}, errors.New("a record's checksum does not fit")
	}
	if b[31] != formatVersion {
		return parsed{}, fmt.Errorf("a record has format version %d; this version reads %d", b[31], formatVersion)
	}
	p := parsed{size: int64(size), seal: b[30] == sealRecord, record: core.LogRecord{
		Time:    moment(int64(binary.LittleEndian.Uint64(b[8:]))),
		Offset:  int64(binary.LittleEndian.Uint64(b[16:])),
		Step:    int(int32(binary.LittleEndian.Uint32(b[24:]))),
		Attempt: int(binary.LittleEndian.Uint16(b[28:])),
		Stream:  core.LogStream(b[30]),
		Data:    b[headerSize:size:size],
	}}
	if b[30]&spanFlag != 0 && !p.seal {
		return p.withSpan()
	}
	return p, nil
}

// withSpan takes the span from the beginning of the data.
func (p parsed) withSpan() (parsed, error) {
	r := &p.record
	if len(r.Data) < spanSize {
		return parsed{}, errors.New("a record's span is cut off")
	}
	span := binary.LittleEndian.Uint64(r.Data)
	if span == 0 || span > math.MaxInt64 {
		return parsed{}, fmt.Errorf("a record claims a span of %d bytes", span)
	}
	r.Stream, r.Span, r.Data = r.Stream&^spanFlag, int64(span), r.Data[spanSize:]
	return p, nil
}

// claimed is the size of the record at the beginning of b, as far as its header can
// be believed.
func claimed(b []byte) int {
	if len(b) < headerSize {
		return len(b)
	}
	if length := binary.LittleEndian.Uint32(b); length <= maxRecord {
		return headerSize + int(length)
	}
	return headerSize
}

// nanoseconds is UnixNano with a value for the zero time, for which that has none.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return t.UnixNano()
}

func moment(nanoseconds int64) time.Time {
	if nanoseconds == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}
