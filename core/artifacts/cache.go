package artifacts

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// RestoreCache writes the cache of a key into the workspace, in place of files of the
// same names, or else the newest whose key begins with one of spec.RestoreKeys, tried
// in their order. Keys are taken as they are: expressions were evaluated. It returns
// the key of what it wrote, "" when there is none. After an error, paths of spec that
// were not there before are not there either; others may have some of the files.
func (s *Service) RestoreCache(ctx context.Context, pipelineID, workspace, key string, spec core.CacheSpec) (hit string, err error) {
	root, err := openWorkspace(workspace)
	if err != nil {
		return "", err
	}
	defer root.Close()
	exact := func() (*core.CacheEntry, error) { return s.store.CacheByKey(ctx, pipelineID, cacheKey(key)) }
	lookups := []func() (*core.CacheEntry, error){exact}
	for _, prefix := range spec.RestoreKeys {
		lookups = append(lookups, func() (*core.CacheEntry, error) {
			return s.store.CacheByPrefix(ctx, pipelineID, cacheKey(prefix))
		})
	}
	for _, lookup := range lookups {
		entry, err := s.restoreFirst(ctx, root, spec.Paths, lookup)
		if err != nil {
			return "", err
		}
		if entry != nil {
			return entry.Key, nil
		}
	}
	return "", nil
}

// restoreFirst writes the entry that lookup finds, or nil when it finds none. Entries
// whose content is damaged or gone are removed, so that the next step saves a new
// one, and lookup is asked again.
func (s *Service) restoreFirst(ctx context.Context, root *os.Root, paths []string, lookup func() (*core.CacheEntry, error)) (*core.CacheEntry, error) {
	for {
		entry, err := lookup()
		if core.CodeOf(err) == core.CodeNotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		switch err := s.restoreEntry(ctx, root, paths, entry); core.CodeOf(err) {
		case "":
			return entry, nil
		case core.CodeNotFound, core.CodeInternal, core.CodeInvalid:
			if ctx.Err() != nil {
				return nil, err
			}
			s.log.Warn("a cache cannot be read and is removed", "key", entry.Key, "pipeline", entry.PipelineID, "error", err)
			if err := s.removeCache(ctx, entry.ID); err != nil {
				return nil, err
			}
		default:
			return nil, err
		}
	}
}

func (s *Service) restoreEntry(ctx context.Context, root *os.Root, paths []string, entry *core.CacheEntry) error {
	var missing []string // before
	for _, name := range paths {
		if _, err := root.Lstat(name); filepath.IsLocal(name) && errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, name)
		}
	}
	if err := s.unpackStored(ctx, root, entry.SHA256, s.limits.Cache); err != nil {
		// Half a cache looks whole to the step that uses it.
		for _, name := range missing {
			err = errors.Join(err, root.RemoveAll(name))
		}
		return err
	}
	if err := s.store.TouchCache(ctx, entry.ID, now()); err != nil && core.CodeOf(err) != core.CodeNotFound {
		s.log.Warn("the use of a cache was not noted", "key", entry.Key, "error", err)
	}
	return nil
}

// SaveCache keeps the files and folders of spec.Paths under a key, unless that key is
// there already: a cache never changes. Paths that are missing are left out; without
// any, nothing is saved. More than Limits.Cache is CodeTooLarge. Then the least
// recently used caches are removed until all fit into Limits.Caches.
func (s *Service) SaveCache(ctx context.Context, pipelineID, workspace, key string, spec core.CacheSpec) (saved bool, err error) {
	defer s.begin()()
	key = cacheKey(key)
	if there, err := s.hasCache(ctx, pipelineID, key); there || err != nil {
		return false, err
	}
	chosen, err := parse(spec.Paths)
	if err != nil {
		return false, err
	}
	root, err := openWorkspace(workspace)
	if err != nil {
		return false, err
	}
	defer root.Close()
	hash, size, err := s.storePacked(ctx, root, &chosen, s.limits.Cache)
	if err != nil || hash == "" {
		return false, err
	}
	if size > s.limits.Caches {
		return false, tooLarge("the cache has %d bytes, and all caches together may have %d", size, s.limits.Caches)
	}
	// Packing takes long: another job may have been faster.
	if there, err := s.hasCache(ctx, pipelineID, key); there || err != nil {
		return false, err
	}
	entry := &core.CacheEntry{PipelineID: pipelineID, Key: key, SHA256: hash, Size: size, CreatedAt: now(), UsedAt: now()}
	if entry.ID, err = newID(); err != nil {
		return false, err
	}
	if err := s.store.PutCache(ctx, entry); err != nil {
		return false, err
	}
	if err := s.evict(ctx); err != nil { // Maintain tries again
		s.log.Warn("unused caches were not removed", "error", err)
	}
	return true, nil
}

func (s *Service) hasCache(ctx context.Context, pipelineID, key string) (bool, error) {
	_, err := s.store.CacheByKey(ctx, pipelineID, key)
	if core.CodeOf(err) == core.CodeNotFound {
		return false, nil
	}
	return err == nil, err
}

// evict removes the least recently used caches beyond the bound. Who is restoring one
// has its content open, and keeps it.
func (s *Service) evict(ctx context.Context) error {
	list, err := s.store.Caches(ctx, math.MaxInt32)
	if err != nil {
		return err
	}
	var total int64
	for _, entry := range list {
		total += entry.Size
	}
	for _, entry := range list {
		if total <= s.limits.Caches {
			break
		}
		if err := s.removeCache(ctx, entry.ID); err != nil {
			return err
		}
		total -= entry.Size
	}
	return nil
}

// removeCache deletes a cache that may be gone by now.
func (s *Service) removeCache(ctx context.Context, id string) error {
	if err := s.store.DeleteCache(ctx, id); core.CodeOf(err) != core.CodeNotFound {
		return err
	}
	return nil
}

// cacheKey is a key as it is stored: JSON has only UTF-8.
func cacheKey(key string) string { return strings.ToValidUTF8(key, "\ufffd") }
