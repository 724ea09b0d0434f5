package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// fill sets every field below v to something that is not its zero value, so that a
// field which a store forgets is seen; also one that is added later.
func fill(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	switch value := v.Addr().Interface().(type) {
	case *time.Time:
		*value = moment()
		return
	case *json.RawMessage:
		*value = json.RawMessage(fmt.Sprintf(`{"of":%q,"n":1.10,"text":"<&> \u2028 ☃"}`, path))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), path)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		element := reflect.New(v.Type().Elem()).Elem()
		fill(t, element, path+"[]")
		v.SetMapIndex(reflect.ValueOf("ключ \x00 <&>"), element)
	case reflect.String:
		v.SetString(path + " ☃ \x00\u2028<&>\"\\")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(0.1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(200)
	default:
		t.Fatalf("%s is a %s: say in fill what such a field is set to", path, v.Type())
	}
}

func filled[T any](t *testing.T) *T {
	t.Helper()
	document := new(T)
	fill(t, reflect.ValueOf(document).Elem(), reflect.TypeFor[T]().Name())
	return document
}

// everyField: no field is lost, in no document, and after each kind of write.
func everyField(t *testing.T, s core.Store) {
	ctx := t.Context()
	p, r := filled[core.Pipeline](t), filled[core.PipelineRevision](t)
	p.ID = newID()
	r.PipelineID, r.Number = p.ID, 1
	must(t, s.CreatePipeline(ctx, p, r))
	next := *r
	next.Number = 2
	must(t, s.UpdatePipeline(ctx, p, &next))
	gotPipeline, err := s.Pipeline(ctx, p.ID)
	must(t, err)
	same(t, p, gotPipeline)
	for _, want := range []*core.PipelineRevision{r, &next} {
		got, err := s.Revision(ctx, p.ID, want.Number)
		must(t, err)
		same(t, want, got)
	}

	e := filled[core.Execution](t)
	e.ID, e.PipelineID = newID(), p.ID
	must(t, s.CreateExecution(ctx, e))
	for range 2 {
		got, err := s.Execution(ctx, e.ID)
		must(t, err)
		same(t, e, got)
		must(t, s.UpdateExecution(ctx, e))
	}

	step := filled[core.StepRun](t)
	step.ExecutionID, step.Version = e.ID, 0
	for range 2 {
		must(t, s.SaveStepRun(ctx, step))
		got, err := s.StepRuns(ctx, e.ID)
		must(t, err)
		same(t, []*core.StepRun{step}, got)
	}

	token := filled[core.Token](t)
	must(t, s.CreateToken(ctx, token))
	gotToken, err := s.TokenByHash(ctx, token.Hash)
	must(t, err)
	same(t, token, gotToken)

	secret := filled[core.Secret](t)
	must(t, s.PutSecret(ctx, secret))
	gotSecret, err := s.Secret(ctx, secret.PipelineID, secret.Name)
	must(t, err)
	same(t, secret, gotSecret)

	artifact := filled[core.Artifact](t)
	must(t, s.CreateArtifact(ctx, artifact))
	gotArtifact, err := s.Artifact(ctx, artifact.ID)
	must(t, err)
	same(t, artifact, gotArtifact)

	cache := filled[core.CacheEntry](t)
	must(t, s.PutCache(ctx, cache))
	for range 2 {
		gotCache, err := s.CacheByKey(ctx, cache.PipelineID, cache.Key)
		must(t, err)
		same(t, cache, gotCache)
		cache.UsedAt = moment().Add(time.Hour)
		must(t, s.TouchCache(ctx, cache.ID, cache.UsedAt))
	}
}

// spoil changes everything that can be reached from v through pointers, slices and
// maps; fields of the document itself are a caller's own in any case.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			spoil(v.Elem())
			v.Elem().SetZero()
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			spoil(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
			v.Index(i).SetZero()
		}
	case reflect.Map:
		v.Clear()
	}
}

// ownCopies: changing what was given, or what was got, changes nothing in the store.
func ownCopies(t *testing.T, s core.Store) {
	ctx := t.Context()
	check := func(name string, given any, read func() (any, error)) {
		t.Helper()
		stored := func() (document any, text string) {
			document, err := read()
			must(t, err)
			encoded, err := json.Marshal(document)
			return document, fmt.Sprint(string(encoded), err) // an error, too, is a change
		}
		_, before := stored()
		spoil(reflect.ValueOf(given).Elem())
		got, text := stored()
		if text != before {
			t.Errorf("%s: the store shares what it was given", name)
		}
		spoil(reflect.ValueOf(got).Elem())
		if _, text = stored(); text != before {
			t.Errorf("%s: the store shares what it gave", name)
		}
	}
	p, r := newPipeline("p")
	r.Spec = filled[core.Spec](t)
	must(t, s.CreatePipeline(ctx, p, r))
	check("revision", r, func() (any, error) { return s.Revision(ctx, p.ID, 1) })
	next := filled[core.PipelineRevision](t)
	next.PipelineID, next.Number = p.ID, 2
	must(t, s.UpdatePipeline(ctx, p, next))
	check("next revision", next, func() (any, error) { return s.Revision(ctx, p.ID, 2) })

	e := filled[core.Execution](t)
	e.ID = newID()
	must(t, s.CreateExecution(ctx, e))
	id := e.ID
	check("execution", e, func() (any, error) { return s.Execution(ctx, id) })
	again, err := s.Execution(ctx, id)
	must(t, err)
	must(t, s.UpdateExecution(ctx, again))
	check("updated execution", again, func() (any, error) { return s.Execution(ctx, id) })
	check("listed execution", filled[core.Execution](t), func() (any, error) {
		list, err := s.Executions(ctx, core.ExecutionFilter{})
		return list[0], err
	})

	secret := filled[core.Secret](t)
	scope, name := secret.PipelineID, secret.Name
	must(t, s.PutSecret(ctx, secret))
	check("secret", secret, func() (any, error) {
		got, err := s.Secret(ctx, scope, name)
		return &got.Ciphertext, err // its JSON has none
	})
	check("listed secret", new(core.Secret), func() (any, error) {
		list, err := s.AllSecrets(ctx)
		return &list[0].Ciphertext, err
	})
	value := []byte("value")
	must(t, s.PutSetting(ctx, "k", value))
	check("setting", &value, func() (any, error) {
		got, err := s.Setting(ctx, "k")
		return &got, err
	})
	artifact := filled[core.Artifact](t)
	artifactID, executionID := artifact.ID, artifact.ExecutionID
	must(t, s.CreateArtifact(ctx, artifact))
	check("artifact", artifact, func() (any, error) { return s.Artifact(ctx, artifactID) })
	check("listed artifact", new(core.Artifact), func() (any, error) {
		list, err := s.Artifacts(ctx, executionID)
		return list[0], err
	})

	step := filled[core.StepRun](t)
	step.ExecutionID, step.Version = id, 0
	must(t, s.SaveStepRun(ctx, step))
	check("step", step, func() (any, error) {
		list, err := s.StepRuns(ctx, id)
		return list[0], err
	})
}
