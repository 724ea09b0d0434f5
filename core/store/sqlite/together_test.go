package sqlite

import (
	"path/filepath"
	"sync"
	"testing"
)

// Several processes may open a new database at the same time: caches of `patchbay run`
// are shared.
func TestOpenedTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new.db")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			store, err := Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
