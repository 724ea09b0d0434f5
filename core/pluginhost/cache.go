package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/sdk"
)

// cache keeps on disk what is dear to learn: the hash of a binary and what it says
// of itself. Whatever is missing or damaged is learned again. Hosts may share a
// folder: files are small and replaced whole.
type cache struct{ dir string }

// maxCacheFile bounds what is read back.
const maxCacheFile = 16 << 20

// cachedHash is the hash of a file as long as it has this identity.
type cachedHash struct {
	Path     string   `json:"path"`
	Identity identity `json:"identity"`
	SHA256   string   `json:"sha256"`
}

// cachedDescription is what a binary said of itself.
type cachedDescription struct {
	SHA256 string   `json:"sha256"`
	Info   sdk.Info `json:"info"`
}

// sha256 returns the hash of a file in hex, without reading it when it is known.
func (c cache) sha256(file *binary) (string, error) {
	key := sha256.Sum256([]byte(file.path))
	name := filepath.Join("hash", hex.EncodeToString(key[:16])+".json")
	var known cachedHash
	if c.load(name, &known) == nil && known.Path == file.path && known.Identity == file.identity && len(known.SHA256) == 64 {
		return known.SHA256, nil
	}
	sum, err := hashFile(file.path)
	if err != nil {
		return "", err
	}
	if file.settled() {
		// If it cannot be kept, it is computed again.
		_ = c.store(name, cachedHash{Path: file.path, Identity: file.identity, SHA256: sum})
	}
	return sum, nil
}

func hashFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// descriptionFile has the name in it because one program may serve under several,
// like a busybox.
func descriptionFile(sha, name string) string { return filepath.Join("describe", sha+"-"+name+".json") }

// description returns what the binary with this hash said of itself, if that is
// known and fits the name it goes by now.
func (c cache) description(sha, name string) (sdk.Info, bool) {
	var known cachedDescription
	if c.load(descriptionFile(sha, name), &known) != nil || known.SHA256 != sha || checkInfo(known.Info, name) != nil {
		return sdk.Info{}, false
	}
	return known.Info, true
}

func (c cache) storeDescription(sha string, info sdk.Info) error {
	return c.store(descriptionFile(sha, info.Name), cachedDescription{SHA256: sha, Info: info})
}

func (c cache) load(name string, into any) error {
	if c.dir == "" {
		return errors.New("no cache")
	}
	file, err := os.Open(filepath.Join(c.dir, name))
	if err != nil {
		return err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxCacheFile))
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into)
}

// store replaces a file of the cache whole.
func (c cache) store(name string, value any) error {
	if c.dir == "" {
		return nil
	}
	content, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return replaceFile(path, content)
}

// replaceFile writes a file, readable by this user only, so that readers see the
// old or the new content.
func replaceFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
