// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"rhumb.run/rhumb/internal/core/image"
)

// manifests serves, takes and forgets manifests. Each is of the repositories that it was sent to; what the archive had
// before is of all.
func (a *Archive) manifests(w http.ResponseWriter, r *http.Request, repository, name string) {
	if r.Method == http.MethodPut {
		a.take(w, r, repository, name)
		return
	}
	digest := name
	a.mu.Lock()
	if !image.IsDigest(name) {
		digest = a.tags[repository+":"+name]
	}
	d := a.known[digest]
	there := a.before[digest] || a.sent[repository][digest]
	a.mu.Unlock()
	switch {
	case !there:
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "it is not in the archive")
	case r.Method == http.MethodDelete:
		a.forget(repository, name)
		w.WriteHeader(http.StatusAccepted)
	default:
		a.give(w, r, d)
	}
}

// forget takes a tag away, or a digest with all its tags. Blobs stay where they are.
func (a *Archive) forget(repository, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tags, repository+":"+name)
	if !image.IsDigest(name) {
		return
	}
	delete(a.sent[repository], name)
	delete(a.before, name)
	maps.DeleteFunc(a.tags, func(at, digest string) bool { return digest == name && strings.HasPrefix(at, repository+":") })
}

// blobs serves blobs.
func (a *Archive) blobs(w http.ResponseWriter, r *http.Request, _, digest string) {
	a.give(w, r, Descriptor{MediaType: "application/octet-stream", Digest: digest})
}

// give answers with content. What it is, whoever asked hashes.
func (a *Archive) give(w http.ResponseWriter, r *http.Request, d Descriptor) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "nothing is taken out of an archive")
		return
	}
	if !image.IsDigest(d.Digest) {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "that is no sha256 digest")
		return
	}
	f, size, err := a.open(blobFile(d.Digest))
	if err != nil {
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "it is not in the archive")
		return
	}
	defer f.Close() //nolint:errcheck // it was only read
	w.Header().Set("Content-Type", d.MediaType)
	w.Header().Set("Docker-Content-Digest", d.Digest)
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	if r.Method == http.MethodGet {
		io.Copy(w, f) //nolint:errcheck // whoever asked has gone
	}
}

// take stores a manifest of which everything is there, and gives it its tag.
func (a *Archive) take(w http.ResponseWriter, r *http.Request, repository, name string) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxManifest+1))
	if err != nil || len(raw) > maxManifest {
		refuse(w, http.StatusRequestEntityTooLarge, "SIZE_INVALID", "a manifest has no more than 4 MiB")
		return
	}
	digest := digestOf(raw)
	m, err := readManifest(raw)
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	case image.IsDigest(name) && name != digest:
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", errWrongDigest.Error())
		return
	}
	if lacks := a.lacks(&m); lacks != "" {
		refuse(w, http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", lacks+" is not in the archive")
		return
	}
	if err := a.blob(digest, int64(len(raw)), bytes.NewReader(raw)); err != nil {
		failed(w, err)
		return
	}
	a.mu.Lock()
	a.note(digest, int64(len(raw)), &m)
	if a.sent[repository] == nil {
		a.sent[repository] = map[string]bool{}
	}
	a.sent[repository][digest] = true
	if !image.IsDigest(name) {
		a.tags[repository+":"+name] = digest
	}
	a.mu.Unlock()
	if m.Subject != nil {
		w.Header().Set("OCI-Subject", m.Subject.Digest)
	}
	w.Header().Set("Docker-Content-Digest", digest)
	w.WriteHeader(http.StatusCreated)
}

// lacks is the first thing that a manifest names and that is not there.
func (a *Archive) lacks(m *manifest) string {
	for _, d := range m.blobs() {
		if a.lies(d) != nil {
			return d.Digest
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range m.Manifests {
		if _, known := a.known[d.Digest]; !known {
			return d.Digest
		}
	}
	return ""
}

// uploads takes blobs: in one piece, which goes straight to its place, or in several, which are kept aside until the digest
// is known.
func (a *Archive) uploads(w http.ResponseWriter, r *http.Request, repository, session string) {
	digest := r.URL.Query().Get("digest")
	switch r.Method {
	case http.MethodPost:
		if mount := r.URL.Query().Get("mount"); image.IsDigest(mount) && a.has(mount) {
			a.created(w, repository, mount)
			return
		}
		w.Header().Set("Location", "/v2/"+repository+"/blobs/uploads/"+rand.Text())
		w.WriteHeader(http.StatusAccepted)
	case http.MethodPatch:
		a.piece(w, r, session)
	case http.MethodPut:
		if !image.IsDigest(digest) {
			refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "that is no sha256 digest")
			return
		}
		if err := a.whole(r, session, digest); err != nil {
			failed(w, err)
			return
		}
		a.created(w, repository, digest)
	default:
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "an upload is begun, continued and ended")
	}
}

func (a *Archive) has(digest string) bool {
	f, _, err := a.open(blobFile(digest))
	return err == nil && f.Close() == nil
}

func (a *Archive) created(w http.ResponseWriter, repository, digest string) {
	w.Header().Set("Location", "/v2/"+repository+"/blobs/"+digest)
	w.Header().Set("Docker-Content-Digest", digest)
	w.WriteHeader(http.StatusCreated)
}

func (a *Archive) piece(w http.ResponseWriter, r *http.Request, session string) {
	spool, err := a.spool(session)
	if err == nil {
		_, err = io.Copy(spool, r.Body)
	}
	if err != nil {
		failed(w, err)
		return
	}
	at := url.URL{Path: r.URL.Path}
	w.Header().Set("Location", at.String())
	w.WriteHeader(http.StatusAccepted)
}

func (a *Archive) whole(r *http.Request, session, digest string) error {
	a.mu.Lock()
	spool := a.spools[session]
	delete(a.spools, session)
	a.mu.Unlock()
	if spool == nil && r.ContentLength > 0 {
		return a.blob(digest, r.ContentLength, r.Body)
	}
	if spool == nil {
		var err error
		if spool, err = newSpool(); err != nil {
			return err
		}
	}
	defer spool.Close() //nolint:errcheck // it has no name any more
	size, err := io.Copy(spool, r.Body)
	if err == nil {
		size, err = spool.Seek(0, io.SeekCurrent)
	}
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("keeping a blob aside: %w", err)
	}
	return a.blob(digest, size, spool)
}

// spool is where the pieces of an upload are kept.
func (a *Archive) spool(session string) (*os.File, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.spools[session]; f != nil {
		return f, nil
	}
	f, err := newSpool()
	if err == nil {
		a.spools[session] = f
	}
	return f, err
}

// newSpool makes a file that has no name any more, so that nothing is left of it whatever happens.
func newSpool() (*os.File, error) {
	f, err := os.CreateTemp("", "rhumb-blob-*")
	if err != nil {
		return nil, fmt.Errorf("keeping a blob aside: %w", err)
	}
	return f, os.Remove(f.Name())
}

// refer says what refers to a digest.
func (a *Archive) refer(w http.ResponseWriter, r *http.Request, _, digest string) {
	want := r.URL.Query().Get("artifactType")
	out := index{SchemaVersion: 2, MediaType: mediaIndex, Manifests: []Descriptor{}}
	a.mu.Lock()
	for _, d := range a.referrers[digest] {
		if want == "" || d.ArtifactType == want {
			out.Manifests = append(out.Manifests, d)
		}
	}
	a.mu.Unlock()
	slices.SortFunc(out.Manifests, func(x, y Descriptor) int { return strings.Compare(x.Digest, y.Digest) })
	w.Header().Set("Content-Type", mediaIndex)
	if want != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	json.NewEncoder(w).Encode(out) //nolint:errcheck // whoever asked has gone
}

// list says which tags a repository has.
func (a *Archive) list(w http.ResponseWriter, _ *http.Request, repository, _ string) {
	tags := []string{}
	a.mu.Lock()
	for at := range a.tags {
		if tag, ok := strings.CutPrefix(at, repository+":"); ok {
			tags = append(tags, tag)
		}
	}
	there := len(tags) > 0 || len(a.sent[repository]) > 0
	a.mu.Unlock()
	if !there {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "it is not in the archive")
		return
	}
	slices.Sort(tags)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"name": repository, "tags": tags}) //nolint:errcheck // whoever asked has gone
}
