// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const validity = 10 * 365 * 24 * time.Hour

// Authority signs certificates.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Leaf describes a certificate: who it stands for and what it may do.
type Leaf struct {
	File   string // base name of the .crt and .key
	User   string
	Groups []string
	Hosts  []string // empty for a client
}

// OpenAuthority reads the authority called name in dir, or makes it.
func OpenAuthority(dir, name string) (*Authority, error) {
	crt, key := filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	if cert, err := readCert(crt); err == nil {
		k, err := readKey(key)
		if err != nil {
			return nil, fmt.Errorf("reading the key of authority %s: %w", name, err)
		}
		return &Authority{cert, k}, nil
	} else if !os.IsNotExist(err) {
		return nil, fmt.Errorf("reading authority %s: %w", name, err)
	}
	k, err := newKey(key)
	if err != nil {
		return nil, fmt.Errorf("making authority %s: %w", name, err)
	}
	tmpl := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "rhumb-lab-" + name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	cert, err := sign(tmpl, tmpl, k, k)
	if err == nil {
		err = writePEM(crt, "CERTIFICATE", cert.Raw, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("making authority %s: %w", name, err)
	}
	return &Authority{cert, k}, nil
}

// Ensure makes the leaf's certificate in dir unless one that fits is there.
func (a *Authority) Ensure(dir string, l Leaf) error {
	crt, keyFile := filepath.Join(dir, l.File+".crt"), filepath.Join(dir, l.File+".key")
	if cert, err := readCert(crt); err == nil && a.fits(cert, l) {
		return nil
	}
	k, err := newKey(keyFile)
	if err != nil {
		return fmt.Errorf("making the key of %s: %w", l.File, err)
	}
	cert, err := sign(l.template(), a.cert, k, a.key)
	if err == nil {
		err = writePEM(crt, "CERTIFICATE", cert.Raw, 0o644)
	}
	if err != nil {
		return fmt.Errorf("signing the certificate of %s: %w", l.File, err)
	}
	return nil
}

// Issue makes a certificate for a server that is kept nowhere.
func (a *Authority) Issue(host string) (*tls.Certificate, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	cert, err := sign(Leaf{User: host, Hosts: []string{host}}.template(), a.cert, k, a.key)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate of %s: %w", host, err)
	}
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: k, Leaf: cert}, nil
}

// template is the leaf's certificate but for what signing adds.
func (l Leaf) template() *x509.Certificate {
	tmpl := &x509.Certificate{
		Subject:     pkix.Name{CommonName: l.User, Organization: l.Groups},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(l.Hosts) > 0 {
		tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	for _, h := range l.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, h)
		}
	}
	return tmpl
}

// fits says whether an existing certificate is ours, says the same and lasts
// another month.
func (a *Authority) fits(cert *x509.Certificate, l Leaf) bool {
	if cert.CheckSignatureFrom(a.cert) != nil || time.Until(cert.NotAfter) < 30*24*time.Hour {
		return false
	}
	if cert.Subject.CommonName != l.User || !slices.Equal(cert.Subject.Organization, l.Groups) {
		return false
	}
	return !slices.ContainsFunc(l.Hosts, func(h string) bool { return cert.VerifyHostname(h) != nil })
}

// EnsureTokenKey makes the key pair that signs service account tokens.
func EnsureTokenKey(dir string) error {
	key, pub := filepath.Join(dir, "sa.key"), filepath.Join(dir, "sa.pub")
	if _, err := os.Stat(pub); err == nil {
		return nil
	}
	k, err := newKey(key)
	if err != nil {
		return fmt.Errorf("making the service account key: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		return fmt.Errorf("encoding the service account key: %w", err)
	}
	return writePEM(pub, "PUBLIC KEY", der, 0o644)
}

func sign(tmpl, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("choosing a serial number: %w", err)
	}
	tmpl.SerialNumber = serial
	tmpl.NotBefore = time.Now().Add(-time.Hour)
	tmpl.NotAfter = time.Now().Add(validity)
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("creating a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

func newKey(file string) (*ecdsa.PrivateKey, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return k, writePEM(file, "EC PRIVATE KEY", der, 0o600)
}

func writePEM(file, kind string, der []byte, mode os.FileMode) error {
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

func readCert(file string) (*x509.Certificate, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", file)
	}
	return x509.ParseCertificate(block.Bytes)
}

func readKey(file string) (*ecdsa.PrivateKey, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", file)
	}
	return x509.ParseECPrivateKey(block.Bytes)
}
