// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"path/filepath"

	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// Folder is the certificate that somebody else keeps in a folder, as tls.crt and
// tls.key; it is read again when it changes. Whoever makes it also tells the API
// server whom to believe.
func Folder(dir string) (*certwatcher.CertWatcher, error) {
	watcher, err := certwatcher.New(filepath.Join(dir, certKey), filepath.Join(dir, keyKey))
	if err != nil {
		return nil, fmt.Errorf("reading the webhook's certificate (see --cert-dir): %w", err)
	}
	return watcher, nil
}
