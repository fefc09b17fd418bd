// SPDX-License-Identifier: Apache-2.0

package main

// The cluster directory is the only thing known about the server: addresses, keys and tokens are
// read from it, nothing is guessed.

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Cluster is a running test control plane.
type Cluster struct {
	Dir    string
	Server string // https://127.0.0.1:PORT
	Addr   string // 127.0.0.1:PORT
	CAFile string
	CA     *x509.CertPool

	Kubectl string // the executable
}

func openCluster(dir string) (*Cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(dir, "env"))
	if err != nil {
		return nil, fmt.Errorf("no cluster in %s: %w", dir, err)
	}
	defer f.Close()
	env := map[string]string{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		k, v, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(sc.Text()), "export "), "=")
		if ok {
			env[k] = strings.Trim(v, `'"`)
		}
	}
	c := &Cluster{Dir: dir, Server: env["SERVER"], CAFile: env["CA"], Kubectl: env["KUBECTL"]}
	u, err := url.Parse(c.Server)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%s/env: SERVER=%q is not an address", dir, c.Server)
	}
	c.Addr = u.Host
	if c.Kubectl == "" {
		c.Kubectl = "kubectl" // a cluster that does not say
	}
	if c.CAFile == "" {
		c.CAFile = filepath.Join(dir, "pki", "ca.crt")
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	c.CA = x509.NewCertPool()
	if !c.CA.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", c.CAFile)
	}
	return c, nil
}

func (c *Cluster) certFile(name string) string { return filepath.Join(c.Dir, "pki", name+".crt") }
func (c *Cluster) keyFile(name string) string  { return filepath.Join(c.Dir, "pki", name+".key") }

func (c *Cluster) cert(name string) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.certFile(name), c.keyFile(name))
	if err != nil {
		return nil, fmt.Errorf("client certificate %s: %w", name, err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, err
		}
	}
	return &pair, nil
}

func (c *Cluster) token(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(c.Dir, "tokens", name+".token"))
	if err != nil {
		return "", err
	}
	t := strings.TrimSpace(string(b))
	if t == "" {
		return "", fmt.Errorf("token %s is empty", name)
	}
	return t, nil
}

// tlsConfig is for a client of the cluster; cert may be nil. The certificate is presented whatever
// the server says it accepts: a foreign one must reach the server to be rejected.
func (c *Cluster) tlsConfig(cert *tls.Certificate, protos ...string) *tls.Config {
	conf := &tls.Config{RootCAs: c.CA, ServerName: "127.0.0.1", NextProtos: protos}
	if cert != nil {
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return cert, nil
		}
	}
	return conf
}

// jwtSubject reads the sub claim of a JWT without verifying it; "" where there is none.
func jwtSubject(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Sub string `json:"sub"`
	}
	if json.Unmarshal(b, &claims) != nil {
		return ""
	}
	return claims.Sub
}
