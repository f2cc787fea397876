// SPDX-License-Identifier: Apache-2.0

// Package password keeps the one password that whoever writes to a server of
// the lab needs.
//
//	<data>/git/password, <data>/registry/password ──Keep──▶ Known(request)?
//
// There is one user, and nothing is ever told of the password but yes or no.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// User is the one who may write.
const User = "lab"

// Keep reads the password in a file, or makes one.
func Keep(file string) (string, error) {
	raw, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(raw)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", fmt.Errorf("keeping the password: %w", err)
	}
	made := rand.Text()
	if err := os.WriteFile(file, []byte(made+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keeping the password: %w", err)
	}
	return made, nil
}

// Known says whether a request comes from the user with the password.
func Known(r *http.Request, password string) bool {
	user, given, _ := r.BasicAuth()
	return user == User && subtle.ConstantTimeCompare([]byte(given), []byte(password)) == 1
}
