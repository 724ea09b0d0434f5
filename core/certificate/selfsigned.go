package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// How long a certificate of our own is good, and how long before its end comes another.
const (
	Lifetime    = 90 * 24 * time.Hour
	renewBefore = 30 * 24 * time.Hour
)

// The files of a certificate of our own. Clients are told to trust CertificateFile.
const (
	CertificateFile = "cert.pem"
	keyFile         = "key.pem"
)

// SelfSigned keeps a certificate for some names and addresses in a folder, and makes it
// when there is none, when it is for other names, or when it ends soon. Clients have to
// be told to trust it, and again when it was renewed.
func SelfSigned(folder string, hosts []string) (Source, error) {
	s := &selfSigned{folder: folder, hosts: slices.Sorted(slices.Values(hosts)), now: time.Now}
	if _, err := s.get(nil); err != nil {
		return nil, err
	}
	return s.get, nil
}

type selfSigned struct {
	folder string
	hosts  []string
	now    func() time.Time

	mu     sync.Mutex
	loaded *tls.Certificate
}

func (s *selfSigned) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.good(s.loaded) {
		return s.loaded, nil
	}
	// An error is one of a missing or broken file: another one is made in its place.
	stored, err := tls.LoadX509KeyPair(filepath.Join(s.folder, CertificateFile), filepath.Join(s.folder, keyFile))
	if err == nil && s.good(&stored) {
		s.loaded = &stored
		return s.loaded, nil
	}
	made, err := s.make()
	if err != nil {
		if s.loaded != nil {
			return s.loaded, nil // better one that ends soon than none
		}
		return nil, err
	}
	s.loaded = made
	return made, nil
}

// good reports whether a certificate is for our hosts, and is so for long enough.
func (s *selfSigned) good(c *tls.Certificate) bool {
	if c == nil || c.Leaf == nil {
		return false
	}
	now := s.now()
	names := slices.Clone(c.Leaf.DNSNames)
	for _, address := range c.Leaf.IPAddresses {
		names = append(names, address.String())
	}
	slices.Sort(names)
	return slices.Equal(names, s.hosts) && !now.Before(c.Leaf.NotBefore) && now.Before(c.Leaf.NotAfter.Add(-renewBefore))
}

// make makes a certificate and stores it.
func (s *selfSigned) make() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	now := s.now()
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Patchbay"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(Lifetime), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true}
	for _, host := range s.hosts {
		if address := net.ParseIP(host); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the key: %w", err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	if err := s.store(certificate, keyPEM); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, keyPEM)
	return &pair, err
}

// store writes both files. A crash between the two leaves a pair that does not fit,
// which is made anew.
func (s *selfSigned) store(certificate, key []byte) error {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return fmt.Errorf("folder of the certificate: %w", err)
	}
	return errors.Join(replace(filepath.Join(s.folder, keyFile), key, 0o600), replace(filepath.Join(s.folder, CertificateFile), certificate, 0o644))
}

// replace writes a file whole or not at all.
func replace(name string, content []byte, mode os.FileMode) error {
	temporary := name + ".new"
	if err := os.WriteFile(temporary, content, mode); err != nil {
		return fmt.Errorf("store the certificate: %w", err)
	}
	return os.Rename(temporary, name)
}
