// Package secrets keeps secrets encrypted and gives them out to the steps that name
// them. The keys are a Tink keyset in a file of its own: whoever has the database
// alone has no secret.
package secrets

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/patchbay-ci/patchbay/core"
)

// KeySize is the size of a wrapping key in bytes (AES-256).
const KeySize = 32

// Keys are the keys of a server: AES-256-GCM, one of them primary. It is not safe for
// concurrent use; Service takes care of that.
type Keys struct {
	path   string
	wrap   tink.AEAD // nil: the file has the keys in clear
	handle *keyset.Handle
	aead   tink.AEAD
}

// ErrNoKeys says that there is no file of keys.
var ErrNoKeys = errors.New("there is no file of keys")

// ParseWrappingKey reads the key that the file of keys is encrypted with: 32 bytes in
// base64. An empty text is no key: the file is then protected by its mode alone.
func ParseWrappingKey(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("the wrapping key must be %d bytes in base64; make one with: head -c %d /dev/urandom | base64", KeySize, KeySize)
	}
	return key, nil
}

// OpenKeys reads the keys of a file. It returns ErrNoKeys when there is no file, and
// refuses one that others may read. A file with the keys in clear is encrypted when
// there is a wrapping key.
func OpenKeys(path string, wrappingKey []byte) (*Keys, error) {
	k, err := newKeys(path, wrappingKey)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNoKeys
	case err != nil:
		return nil, fmt.Errorf("the file of keys: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("the file of keys %s may be read by others (mode %o); set it right with: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the file of keys: %w", err)
	}
	handle, inClear, err := k.parse(content)
	if err != nil {
		return nil, err
	}
	if inClear && k.wrap != nil {
		// A wrapping key was set since the file was written.
		if err := k.save(handle); err != nil {
			return nil, err
		}
	}
	return k, k.use(handle)
}

// parse reads the content of a file of keys. Tink's own words are not passed on: they
// may have parts of it.
func (k *Keys) parse(content []byte) (handle *keyset.Handle, inClear bool, err error) {
	if k.wrap != nil {
		if handle, err = keyset.Read(keyset.NewJSONReader(bytes.NewReader(content)), k.wrap); err == nil {
			return handle, false, nil
		}
	}
	if handle, err = insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(content))); err == nil {
		return handle, true, nil
	}
	// As much as is needed to tell the two faults apart.
	var wrapped struct {
		Keys []byte `json:"encryptedKeyset"`
	}
	switch {
	case json.Unmarshal(content, &wrapped) != nil || len(wrapped.Keys) == 0:
		return nil, false, fmt.Errorf("the file of keys %s is damaged: bring it back from a backup", k.path)
	case k.wrap == nil:
		return nil, false, fmt.Errorf("the file of keys %s is encrypted: give its wrapping key in PATCHBAY_KEYSET_KEY", k.path)
	default:
		return nil, false, fmt.Errorf("the file of keys %s is damaged, or encrypted with another wrapping key than the one in PATCHBAY_KEYSET_KEY", k.path)
	}
}

// CreateKeys makes a new key and its file, which must not be there.
func CreateKeys(path string, wrappingKey []byte) (*Keys, error) {
	k, err := newKeys(path, wrappingKey)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is a file of keys already: %s", path)
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if err := k.save(handle); err != nil {
		return nil, err
	}
	return k, k.use(handle)
}

func newKeys(path string, wrappingKey []byte) (*Keys, error) {
	k := &Keys{path: path}
	if wrappingKey == nil {
		return k, nil
	}
	var err error
	if k.wrap, err = subtle.NewAESGCM(wrappingKey); err != nil {
		return nil, fmt.Errorf("the wrapping key: %w", err)
	}
	return k, nil
}

func (k *Keys) use(handle *keyset.Handle) error {
	primitive, err := aead.New(handle)
	if err != nil {
		return fmt.Errorf("use the keys: %w", err)
	}
	k.handle, k.aead = handle, primitive
	return nil
}

// save writes the file, all or nothing, and has it on disk when it returns.
func (k *Keys) save(handle *keyset.Handle) error {
	var content bytes.Buffer
	writer := keyset.NewJSONWriter(&content)
	var err error
	if k.wrap != nil {
		err = handle.Write(writer, k.wrap)
	} else {
		err = insecurecleartextkeyset.Write(handle, writer)
	}
	if err == nil {
		err = replaceFile(k.path, content.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write the file of keys: %w", err)
	}
	return nil
}

// replaceFile writes a file that only its owner may read, and has it on disk when it
// returns. What an interrupted one leaves behind the next one takes the place of.
func replaceFile(path string, content []byte) error {
	draft := path + ".new"
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(draft, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// addPrimary makes a new key the one that encrypts; the others still decrypt.
func (k *Keys) addPrimary() error {
	manager := keyset.NewManagerFromHandle(k.handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err == nil {
		err = manager.SetPrimary(id)
	}
	return k.change(manager, err)
}

// keepPrimary removes all keys but the one that encrypts.
func (k *Keys) keepPrimary() error {
	manager := keyset.NewManagerFromHandle(k.handle)
	info := k.handle.KeysetInfo()
	for _, key := range info.GetKeyInfo() {
		if key.GetKeyId() != info.GetPrimaryKeyId() {
			if err := manager.Delete(key.GetKeyId()); err != nil {
				return fmt.Errorf("remove a key: %w", err)
			}
		}
	}
	return k.change(manager, nil)
}

func (k *Keys) change(manager *keyset.Manager, err error) error {
	if err != nil {
		return fmt.Errorf("change the keys: %w", err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("change the keys: %w", err)
	}
	if err := k.save(handle); err != nil {
		return err
	}
	return k.use(handle)
}

// seal encrypts a value for one place: elsewhere it does not open.
func (k *Keys) seal(value, place []byte) ([]byte, error) { return k.aead.Encrypt(value, place) }

func (k *Keys) open(secret *core.Secret) ([]byte, error) {
	value, err := k.aead.Decrypt(secret.Ciphertext, place(secret))
	if err != nil {
		scope := "global"
		if secret.PipelineID != "" {
			scope = "of pipeline " + secret.PipelineID
		}
		return nil, &core.Error{Code: core.CodeInternal, Err: err,
			Message:     fmt.Sprintf("secret %s (%s) cannot be decrypted with the keys of this server", secret.Name, scope),
			Suggestions: []string{"bring back the file of keys that belongs to the database, or set the secret again, or delete it"}}
	}
	return value, nil
}
