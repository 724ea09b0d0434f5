package sdk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// filler gives every field of a value something that is not zero, each something
// else. A field of a kind that it does not know fails the test: teach it.
type filler struct {
	t *testing.T
	n int
}

// words are for types that have words of their own.
var words = map[reflect.Type]any{
	reflect.TypeFor[Capability]():    CapabilityCheck,
	reflect.TypeFor[Severity]():      SeverityWarning,
	reflect.TypeFor[Handover]():      HandoverReplace,
	reflect.TypeFor[InstanceState](): InstanceExited,
	reflect.TypeFor[Outcome]():       OutcomeCancelled,
	reflect.TypeFor[ErrorClass]():    ClassLost,
	reflect.TypeFor[EventKind]():     EventTag,
	reflect.TypeFor[RunState]():      RunFailed,
}

func (f *filler) fill(v reflect.Value) {
	f.n++
	if word, ok := words[v.Type()]; ok {
		v.Set(reflect.ValueOf(word))
		return
	}
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(f.n), 5).UTC()))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(fmt.Sprintf(`{"n":%d}`, f.n))))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(uint64(f.n % 250))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0))
		f.fill(v.Index(1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.fill(key)
		f.fill(value)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
	default:
		f.t.Fatalf("no idea how to fill a %s", v.Type())
	}
}

func filled[T any](t *testing.T) T {
	t.Helper()
	var v T
	(&filler{t: t}).fill(reflect.ValueOf(&v).Elem())
	return v
}

// fillMessage does the same to a message of the protocol; of a oneof it fills the
// last field.
func (f *filler) fillMessage(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		switch {
		case field.IsMap():
			entry := m.Mutable(field).Map()
			entry.Set(protoreflect.ValueOfString(fmt.Sprintf("key %d", i)).MapKey(), protoreflect.ValueOfString("value"))
		case field.IsList():
			list := m.Mutable(field).List()
			for range 2 {
				if field.Message() != nil {
					item := list.NewElement()
					f.fillMessage(item.Message())
					list.Append(item)
				} else {
					list.Append(f.scalar(field))
				}
			}
		case field.Message() != nil:
			f.fillMessage(m.Mutable(field).Message())
		default:
			m.Set(field, f.scalar(field))
		}
	}
}

func (f *filler) scalar(field protoreflect.FieldDescriptor) protoreflect.Value {
	f.n++
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(fmt.Sprintf("text %d", f.n))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(fmt.Appendf(nil, `{"n":%d}`, f.n))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(f.n))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(f.n))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(f.n))
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(1 + f.n%(values.Len()-1)).Number())
	default:
		f.t.Fatalf("no idea how to fill %s", field.FullName())
		return protoreflect.Value{}
	}
}
