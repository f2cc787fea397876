// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"rhumb.run/rhumb/internal/core/image"
)

// Archive is images in a folder or a tar.
type Archive struct {
	store

	mu sync.Mutex
	// tags are digests by repository:tag, as the archive's registry has them.
	tags map[string]string
	// known are the manifests that were seen, referrers theirs by subject.
	known     map[string]Descriptor
	referrers map[string]map[string]Descriptor
	entries   map[string]Entry
	// sent are the digests that a repository was sent, before those that were there when the archive was opened.
	sent   map[string]map[string]bool
	before map[string]bool
	// spools are uploads in several pieces.
	spools map[string]*os.File
}

func of(s store) *Archive {
	return &Archive{
		store: s, tags: map[string]string{}, known: map[string]Descriptor{},
		referrers: map[string]map[string]Descriptor{}, entries: map[string]Entry{},
		spools: map[string]*os.File{}, sent: map[string]map[string]bool{}, before: map[string]bool{},
	}
}

// isTar says of a path that is written to what it is to be.
func isTar(path string) bool { return strings.HasSuffix(path, ".tar") }

// Create makes an archive, or opens a folder that images were exported to, to add to it. Whoever exports a second time sends
// only what is not there.
func Create(path string) (*Archive, error) {
	if isTar(path) {
		p, err := makeTar(path)
		if err != nil {
			return nil, err
		}
		return of(p), nil
	}
	f, err := makeFolder(path)
	if err != nil {
		return nil, err
	}
	a := of(f)
	if err := a.load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, f.close())
	}
	return a, nil
}

// Open opens an archive to read it.
func Open(path string) (*Archive, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("opening the archive: %w", err)
	}
	var s store
	if info.IsDir() {
		s, err = openFolder(path)
	} else {
		s, err = openTar(path)
	}
	if err != nil {
		return nil, err
	}
	a := of(s)
	err = a.load()
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s holds no images: it has no %s; name the folder or the tar that rhumb images export wrote", path, indexFile)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return a, nil
}

// Close ends it. Without Seal, a tar is not there, and a folder has what it had before, and blobs that the next try finds.
func (a *Archive) Close() error { return a.close() }

// Entries are the images, by name.
func (a *Archive) Entries() []Entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := slices.Collect(maps.Values(a.entries))
	slices.SortFunc(out, func(x, y Entry) int { return strings.Compare(canonical(x.Name), canonical(y.Name)) })
	return out
}

// load reads index.json and what it names.
func (a *Archive) load() error {
	raw, err := a.read(indexFile, maxIndex)
	if err != nil {
		return err
	}
	all, err := readIndex(raw)
	if err != nil {
		return err
	}
	for _, d := range all {
		if err := a.learn(d.Digest, 0); err != nil {
			return err
		}
		name, ok := nameOf(d)
		if !ok {
			continue
		}
		if name.Tag != "" {
			a.tags[Repository(name)+":"+name.Tag] = d.Digest
		}
		if !beside.MatchString(name.Tag) {
			a.entries[canonical(name)] = Entry{Name: name, Origin: d.Annotations[originAnnotation], Digest: d.Digest}
		}
	}
	for digest := range a.known {
		a.before[digest] = true
	}
	return nil
}

// beside are tags of what is about an image: it comes and goes with that, and is none itself.
var beside = regexp.MustCompile(`^sha256-[0-9a-f]{64}(\.[a-z]+)?$`)

// learn reads a manifest and those that it names.
func (a *Archive) learn(digest string, depth int) error {
	if _, known := a.known[digest]; known {
		return nil
	}
	if depth > 8 || len(a.known) > maxManifestsBelow*100 {
		return damaged("its indexes hold indexes without end")
	}
	raw, err := a.read(blobFile(digest), maxManifest)
	if err != nil {
		return missing(err, "manifest", digest)
	}
	if got := digestOf(raw); got != digest {
		return damaged("manifest %s has the content of %s", digest, got)
	}
	m, err := readManifest(raw)
	if err != nil {
		return damaged("manifest %s: %v", digest, err)
	}
	a.note(digest, int64(len(raw)), &m)
	for _, d := range m.Manifests {
		if !image.IsDigest(d.Digest) {
			return damaged("manifest %s names %q, which is no sha256 digest", digest, image.Bound(d.Digest, 120))
		}
		if err := a.learn(d.Digest, depth+1); err != nil {
			return err
		}
	}
	for _, d := range m.blobs() {
		if err := a.lies(d); err != nil {
			return err
		}
	}
	return nil
}

// lies says whether a blob lies there, with its length; that it is the blob is seen when it is sent.
func (a *Archive) lies(d Descriptor) error {
	if !image.IsDigest(d.Digest) {
		return damaged("a manifest names %q, which is no sha256 digest", image.Bound(d.Digest, 120))
	}
	r, size, err := a.open(blobFile(d.Digest))
	if err != nil {
		return missing(err, "blob", d.Digest)
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("reading blob %s: %w", d.Digest, err)
	}
	if size != d.Size {
		return damaged("blob %s has %d of %d bytes", d.Digest, size, d.Size)
	}
	return nil
}

func missing(err error, what, digest string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return damaged("%s %s is not there", what, digest)
	}
	return fmt.Errorf("reading %s %s: %w", what, digest, err)
}

// note remembers a manifest, and what it refers to.
func (a *Archive) note(digest string, size int64, m *manifest) {
	a.known[digest] = Descriptor{MediaType: m.MediaType, Digest: digest, Size: size}
	if m.Subject == nil {
		return
	}
	if a.referrers[m.Subject.Digest] == nil {
		a.referrers[m.Subject.Digest] = map[string]Descriptor{}
	}
	a.referrers[m.Subject.Digest][digest] = m.referrer(digest, size)
}

func (a *Archive) read(name string, most int64) ([]byte, error) {
	r, size, err := a.open(name)
	if err != nil {
		return nil, err
	}
	if size > most {
		return nil, errors.Join(damaged("%s has %d bytes, where %d are the most", name, size, most), r.Close())
	}
	raw, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return raw, nil
}

// Add gives an image that was copied here its name.
func (a *Archive) Add(e Entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entries[canonical(e.Name)] = e
}

// Seal writes the index, and a lock of what is there. A folder may be sealed as often as it grows.
func (a *Archive) Seal() error {
	idx := index{SchemaVersion: 2, MediaType: mediaIndex, Manifests: a.listed()}
	raw, err := json.MarshalIndent(idx, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", indexFile, err)
	}
	lock, err := LockOf(a.Entries()).YAML()
	if err != nil {
		return err
	}
	return a.seal([]file{{LockFile, lock}, {indexFile, append(raw, '\n')}})
}

// listed are the images with their names, then tags that no image has, as of signatures, then what refers to them: the
// last is not reached from what has a name.
func (a *Archive) listed() []Descriptor {
	entries := a.Entries()
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []Descriptor
	named := map[string]bool{}
	for _, e := range entries {
		d := a.known[e.Digest]
		d.Annotations = map[string]string{nameAnnotation: canonical(e.Name), containerdAnnotation: canonical(e.Name)}
		if e.Origin != "" {
			d.Annotations[originAnnotation] = e.Origin
		}
		out = append(out, d)
		named[Repository(e.Name)+":"+e.Name.Tag] = true
	}
	for _, at := range slices.Sorted(maps.Keys(a.tags)) {
		if name := a.besides(at, entries); name != "" && !named[at] {
			d := a.known[a.tags[at]]
			d.Annotations = map[string]string{nameAnnotation: name}
			out = append(out, d)
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(a.referrers)) {
		for _, digest := range slices.Sorted(maps.Keys(a.referrers[subject])) {
			out = append(out, a.known[digest])
		}
	}
	return out
}

// besides is the name in full of a tag that came along with an image, in the image's repository.
func (a *Archive) besides(at string, entries []Entry) string {
	repository, tag, _ := strings.Cut(at, ":")
	for _, e := range entries {
		if Repository(e.Name) == repository {
			return e.Name.Host + "/" + e.Name.Repository + ":" + tag
		}
	}
	return ""
}
