package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// odd are names that a store has no reason to refuse or to confuse, in order.
var odd = []string{"", "\x00", "\x00a", " ", "%", "'; DROP TABLE secrets; --", "*", "A", "_", "a", "a\x00", "a b", "a/../b",
	"aa", "b", "ключ", "☃", "\U0010ffff"}

func newSecret(pipelineID, name, text string) *core.Secret {
	return &core.Secret{PipelineID: pipelineID, Name: name, Ciphertext: []byte(text), CreatedAt: moment(), UpdatedAt: moment(), UpdatedBy: "ann"}
}

func secrets(t *testing.T, s core.Store) {
	ctx := t.Context()
	var all []*core.Secret
	for _, scope := range []string{"", "p", "p2"} {
		var want []*core.Secret
		for _, name := range odd {
			secret := newSecret(scope, name, scope+"\x00\xff"+name)
			must(t, s.PutSecret(ctx, secret))
			want = append(want, secret)
		}
		got, err := s.Secrets(ctx, scope)
		must(t, err)
		same(t, want, got)
		all = append(all, want...)
	}
	got, err := s.AllSecrets(ctx)
	must(t, err)
	same(t, all, got)

	replaced := newSecret("p", "a", "another")
	must(t, s.PutSecret(ctx, replaced))
	one, err := s.Secret(ctx, "p", "a")
	must(t, err)
	same(t, replaced, one)
	other, err := s.Secret(ctx, "", "a") // that of another scope stays
	must(t, err)
	if string(other.Ciphertext) != "\x00\xffa" {
		t.Errorf("%q", other.Ciphertext)
	}
	must(t, s.DeleteSecret(ctx, "p", "a"))
	_, err = s.Secret(ctx, "p", "a")
	refused(t, core.CodeNotFound, err)
	refused(t, core.CodeNotFound, s.DeleteSecret(ctx, "p", "a"))
	_, err = s.Secret(ctx, "", "a")
	must(t, err)
	large := newSecret("p", "large", strings.Repeat("\xfe", 1<<20))
	must(t, s.PutSecret(ctx, large))
	one, err = s.Secret(ctx, "p", "large")
	must(t, err)
	if !bytes.Equal(one.Ciphertext, large.Ciphertext) {
		t.Errorf("%d bytes came back of %d", len(one.Ciphertext), len(large.Ciphertext))
	}
}

func settings(t *testing.T, s core.Store) {
	ctx := t.Context()
	for _, key := range odd {
		for _, want := range [][]byte{[]byte("v" + key), {}, {0}, bytes.Repeat([]byte{0xff}, 100_000), nil, nil} {
			must(t, s.PutSetting(ctx, key, want))
			got, err := s.Setting(ctx, key)
			must(t, err)
			if !bytes.Equal(want, got) || (want == nil) != (got == nil) {
				t.Errorf("key %q: got %d bytes (nil: %t), want %d (nil: %t)", key, len(got), got == nil, len(want), want == nil)
			}
		}
	}
	must(t, s.PutSetting(ctx, "a", []byte("1")))
	if got, err := s.Setting(ctx, "A"); got != nil || err != nil {
		t.Errorf("another key: %q, %v", got, err)
	}
}

// nothingSmallThere is nothingThere for secrets, settings, artifacts and caches.
func nothingSmallThere(t *testing.T, s core.Store) {
	ctx := t.Context()
	_, err := s.Secret(ctx, "", "none")
	refused(t, core.CodeNotFound, err)
	refused(t, core.CodeNotFound, s.DeleteSecret(ctx, "", "none"))
	_, err = s.Artifact(ctx, "none")
	refused(t, core.CodeNotFound, err)
	refused(t, core.CodeNotFound, s.DeleteArtifact(ctx, "none"))
	_, err = s.CacheByKey(ctx, "p", "none")
	refused(t, core.CodeNotFound, err)
	_, err = s.CacheByPrefix(ctx, "p", "")
	refused(t, core.CodeNotFound, err)
	refused(t, core.CodeNotFound, s.TouchCache(ctx, "none", moment()))
	refused(t, core.CodeNotFound, s.DeleteCache(ctx, "none"))
	if got, err := s.Setting(ctx, "none"); got != nil || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	secrets, err := s.Secrets(ctx, "")
	must(t, err)
	all, err := s.AllSecrets(ctx)
	must(t, err)
	artifacts, err := s.Artifacts(ctx, "none")
	must(t, err)
	expired, err := s.ExpiredArtifacts(ctx, moment(), 10)
	must(t, err)
	caches, err := s.Caches(ctx, 10)
	must(t, err)
	if secrets == nil || all == nil || artifacts == nil || expired == nil || caches == nil ||
		len(secrets)+len(all)+len(artifacts)+len(expired)+len(caches) != 0 {
		t.Errorf("empty lists are empty, not nil: %v %v %v %v %v", secrets, all, artifacts, expired, caches)
	}
	must(t, s.BlobsInUse(ctx, func(hash string) { t.Errorf("blob %q is in use", hash) }))
}

// keepSmall writes one of each and returns what checks, in the store opened again,
// that they are there and that what was removed is not.
func keepSmall(t *testing.T, s core.Store) func(core.Store) {
	t.Helper()
	ctx := t.Context()
	secret, artifact, cache := newSecret("p", "kept", "x"), newArtifact("e", "kept"), newCache("p", "kept")
	must(t, s.PutSecret(ctx, secret))
	must(t, s.CreateArtifact(ctx, artifact))
	must(t, s.PutCache(ctx, cache))
	must(t, s.PutSetting(ctx, "kept", []byte("x")))
	goneArtifact, goneCache := newArtifact("e", "gone"), newCache("p", "gone")
	must(t, s.PutSecret(ctx, newSecret("p", "gone", "x")))
	must(t, s.DeleteSecret(ctx, "p", "gone"))
	must(t, s.CreateArtifact(ctx, goneArtifact))
	must(t, s.DeleteArtifact(ctx, goneArtifact.ID))
	must(t, s.PutCache(ctx, goneCache))
	must(t, s.DeleteCache(ctx, goneCache.ID))
	must(t, s.PutSetting(ctx, "gone", []byte("x")))
	must(t, s.PutSetting(ctx, "gone", nil))
	delivery := newDelivery("p")
	must(t, s.CreateDelivery(ctx, delivery, []byte("kept")))
	notification := newNotification("e", "on_start", 0)
	must(t, s.AddNotification(ctx, notification))
	return func(s core.Store) {
		t.Helper()
		secrets, err := s.AllSecrets(ctx)
		must(t, err)
		same(t, []*core.Secret{secret}, secrets)
		artifacts, err := s.Artifacts(ctx, "e")
		must(t, err)
		same(t, []*core.Artifact{artifact}, artifacts)
		caches, err := s.Caches(ctx, 10)
		must(t, err)
		same(t, []*core.CacheEntry{cache}, caches)
		pending, err := s.PendingNotifications(ctx, 10)
		must(t, err)
		same(t, []*core.Notification{notification}, pending)
		for key, want := range map[string]string{"kept": "x", "gone": ""} {
			got, err := s.Setting(ctx, key)
			must(t, err)
			same(t, want, string(got))
		}
		deliveries, err := s.Deliveries(ctx, core.DeliveryFilter{PipelineID: "p"})
		must(t, err)
		same(t, []*core.Delivery{delivery}, deliveries)
		refused(t, core.CodeConflict, s.CreateDelivery(ctx, delivery, nil))
	}
}

// manyOfEach: thousands are stored, listed in order and found.
func manyOfEach(t *testing.T, s core.Store) {
	const many = 2000
	ctx := t.Context()
	together(t, many, func(i int) error { return s.PutSecret(ctx, newSecret("p", fmt.Sprintf("%05d", i), "x")) })
	together(t, many, func(i int) error { return s.PutSetting(ctx, fmt.Sprint(i), fmt.Append(nil, i)) })
	together(t, many, func(i int) error { return s.CreateArtifact(ctx, newArtifact("e", fmt.Sprintf("%05d", i))) })
	together(t, many, func(i int) error { return s.PutCache(ctx, newCache("p", fmt.Sprintf("%05d", i))) })
	secrets, err := s.Secrets(ctx, "p")
	must(t, err)
	artifacts, err := s.Artifacts(ctx, "e")
	must(t, err)
	caches, err := s.Caches(ctx, 2*many)
	must(t, err)
	if len(secrets) != many || len(artifacts) != many || len(caches) != many {
		t.Fatalf("%d, %d, %d", len(secrets), len(artifacts), len(caches))
	}
	for i := range many {
		want := fmt.Sprintf("%05d", i)
		setting, err := s.Setting(ctx, fmt.Sprint(i))
		must(t, err)
		if secrets[i].Name != want || artifacts[i].Name != want || string(setting) != fmt.Sprint(i) {
			t.Fatalf("at %d: %q, %q, %q", i, secrets[i].Name, artifacts[i].Name, setting)
		}
	}
	c, err := s.CacheByPrefix(ctx, "p", "0123")
	must(t, err)
	if c.Key[:4] != "0123" {
		t.Errorf("found %q", c.Key)
	}
}
