// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// attached are tests of what belongs to an image, and of the names that it is kept under.
var attached = map[string]func(*copying){
	"CopyReferrers":     (*copying).referrers,
	"CopyCosign":        (*copying).cosign,
	"CopyAnchored":      (*copying).anchored,
	"CopyPinned":        (*copying).pinnedTag,
	"CopyPlatforms":     (*copying).platforms,
	"CopySparse":        (*copying).sparse,
	"CopyForeignLayers": (*copying).foreign,
	"CopyAttestations":  (*copying).attestations,
}

// signature makes a manifest that refers to a digest.
func signature(t *testing.T, about, text string) v1.Image {
	t.Helper()
	hash, err := v1.NewHash(about)
	if err != nil {
		t.Fatal(err)
	}
	img := mutate.MediaType(Image(t, Files{"signature": text}), types.OCIManifestSchema1)
	return mutate.Subject(img, v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: hash, Size: 1}).(v1.Image)
}

func (c *copying) digest(img v1.Image) string {
	c.Helper()
	d, err := img.Digest()
	if err != nil {
		c.Fatal(err)
	}
	return d.String()
}

// listed are the digests that the target lists for one.
func (c *copying) listed(digest string) []string {
	c.Helper()
	all, err := c.copier.Client.Referrers(c.Context(), c.ref(Target+"/apps/demo@"+digest), nil)
	if err != nil {
		c.Fatal(err)
	}
	out := []string{}
	for _, r := range all {
		out = append(out, r.Digest)
	}
	slices.Sort(out)
	return out
}

// referrers: signatures come along, and those of signatures; also late, when the image is there; those that were made at the
// target stay.
func (c *copying) referrers() {
	demo := Image(c.T, Files{"a": "1"})
	digest := Push(c.T, c.source.URL, "apps/demo:1", demo)
	signed := signature(c.T, digest, "one")
	Push(c.T, c.source.URL, "apps/demo:signature-1", signed)
	counter := signature(c.T, c.digest(signed), "countersigned")
	Push(c.T, c.source.URL, "apps/demo:signature-2", counter)
	j := c.job("apps/demo:1")
	if done := c.must(j); done.Attached != 0 || len(c.listed(digest)) != 0 {
		c.Errorf("copied %+v without having been asked to", done)
	}
	j.Referrers = true
	if done := c.must(j); done.Attached != 2 || !done.Already {
		c.Errorf("of a copy that is there: %+v, want two attached", done)
	}
	if diff := cmp.Diff([][]string{{c.digest(signed)}, {c.digest(counter)}}, [][]string{c.listed(digest), c.listed(c.digest(signed))}); diff != "" {
		c.Error(diff)
	}
	ours := signature(c.T, digest, "made at the target")
	Push(c.T, c.target.URL, "apps/demo:signature-3", ours)
	late := signature(c.T, digest, "late")
	Push(c.T, c.source.URL, "apps/demo:signature-4", late)
	if done := c.must(j); done.Attached != 1 {
		c.Errorf("one came late: %+v", done)
	}
	want := []string{c.digest(signed), c.digest(ours), c.digest(late)}
	slices.Sort(want)
	if diff := cmp.Diff(want, c.listed(digest)); diff != "" {
		c.Error(diff)
	}
	if done := c.must(j); done.Attached != 0 || c.writes() > 0 {
		c.Errorf("nothing is new: %+v, %q", done, c.target.Asked())
	}
}

// writes counts what the target was asked to change by the last copy.
func (c *copying) writes() int {
	n := 0
	for _, a := range c.target.Asked() {
		if !strings.HasPrefix(a, "GET ") && !strings.HasPrefix(a, "HEAD ") {
			n++
		}
	}
	return n
}

// cosign: what cosign keeps under tags comes along, also late.
func (c *copying) cosign() {
	digest := Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	tag := image.FallbackTag(digest)
	first := Push(c.T, c.source.URL, "apps/demo:"+tag+".sig", Image(c.T, Files{"signature": "1"}))
	j := c.job("apps/demo:1")
	j.CosignTags = true
	if done := c.must(j); done.Attached != 1 || !slices.Equal(done.Tags, []string{tag + ".sig"}) {
		c.Errorf("%+v", done)
	}
	second := Push(c.T, c.source.URL, "apps/demo:"+tag+".sig", Image(c.T, Files{"signature": "1"}, Files{"signature": "2"}))
	Push(c.T, c.source.URL, "apps/demo:"+tag+".sbom", Image(c.T, Files{"sbom": "1"}))
	if done := c.must(j); done.Attached != 2 || !done.Already {
		c.Errorf("one more signature, and an SBOM: %+v", done)
	}
	if got, err := c.copier.Client.Resolve(c.Context(), c.ref(Target+"/apps/demo:"+tag+".sig"), nil); err != nil || got != second || got == first {
		c.Errorf("the target has %s, %v", got, err)
	}
	if done := c.must(j); done.Attached != 0 || c.writes() > 0 || Count(c.source.Asked(), http.MethodGet) > 0 {
		c.Errorf("nothing is new: %+v", done)
	}
}

// anchored: a digest has a tag of its own, beside the list of what refers to it, and outlives the move of its tag.
func (c *copying) anchored() {
	old := Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	signed := signature(c.T, old, "one")
	Push(c.T, c.source.URL, "apps/demo:signature", signed)
	j := c.job("apps/demo:1")
	c.must(j)
	j.Anchor, j.Referrers = true, true
	done := c.must(j)
	if asked := c.source.Asked(); !slices.Equal(done.Tags, []string{image.AnchorTag(old)}) || slices.Contains(asked, "GET /v2/apps/demo/manifests/"+old) {
		c.Errorf("an anchor for what is there: %+v, the source was asked %q", done, asked)
	}
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "2"}))
	moved := c.must(j)
	if got, err := c.copier.Client.Resolve(c.Context(), c.ref(Target+"/apps/demo:"+image.AnchorTag(old)), nil); err != nil || got != old {
		c.Errorf("the anchor names %s, %v", got, err)
	}
	tags, err := c.copier.Client.Tags(c.Context(), c.ref(Target+"/apps/demo"), nil)
	if err != nil || !slices.Contains(tags, image.AnchorTag(old)) || !slices.Contains(tags, image.AnchorTag(moved.Digest)) {
		c.Errorf("the target has the tags %q, %v", tags, err)
	}
	if got := c.listed(old); !slices.Equal(got, []string{c.digest(signed)}) {
		c.Errorf("the anchor hides what refers to it: %q", got)
	}
	j.Referrers = false
	if again := c.must(j); !again.Already || c.writes() > 0 {
		c.Errorf("%+v", again)
	}
}

// pinnedTag: what is named by tag and digest has both; a tag that is there may be newer, and stays; what is there is not asked for.
func (c *copying) pinnedTag() {
	old := Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	j := c.job("apps/demo:1@" + old)
	j.Anchor, j.Platforms = true, []string{"linux/amd64"}
	done := c.must(j)
	if done.Digest != old || c.there() != old || !slices.Equal(done.Tags, []string{image.AnchorTag(old)}) {
		c.Errorf("%+v; the tag is %s", done, c.there())
	}
	if again := c.must(j); !again.Already || len(c.source.Asked()) > 0 {
		c.Errorf("what is there: %+v", again)
	}
	newer := Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "2"}))
	c.must(c.job("apps/demo:1"))
	older := Push(c.T, c.source.URL, "apps/demo:0", Image(c.T, Files{"a": "0"}))
	c.must(c.job("apps/demo:1@" + older))
	if c.there() != newer {
		c.Error("a pinned image has moved a tag that is somebody else's")
	}
}

// platforms: an index of some of its images is the same each time, known again, and says whose it is.
func (c *copying) platforms() {
	digest := Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	j := c.job("apps/demo:1")
	j.Platforms = []string{"linux/arm64"}
	done := c.must(j)
	if done.Digest == digest || done.Source != digest || c.there() != done.Digest || distinct(c.source.Asked(), "/manifests/") != 2 {
		c.Errorf("%+v, the target has %s", done, c.there())
	}
	c.with(registry.Options{})
	j.Replace = func(string) bool { return false }
	if again := c.must(j); !again.Already || again.Digest != done.Digest || again.Source != digest {
		c.Errorf("after a restart: %+v", again)
	}
	j.Known = registry.Derived{Source: digest, Digest: done.Digest}
	c.with(registry.Options{})
	if again := c.must(j); !again.Already || Count(c.source.Asked(), http.MethodGet) > 0 {
		c.Errorf("to who knows: %+v", again)
	}
	var b strings.Builder
	x := NewExporter(c.T, c.copier.Client)
	x.Platform = "linux/arm64"
	if err := x.Export(c.Context(), c.ref(Target+"/apps/demo@"+done.Digest), nil, &b); err != nil {
		c.Error(err)
	}
	all := c.job("apps/demo:1")
	all.Platforms = []string{"linux/amd64", "linux/arm64"}
	if whole := c.must(all); whole.Digest != digest {
		c.Errorf("all that there is: %+v", whole)
	}
	j.Platforms, j.Known, j.Replace = []string{"linux/s390x"}, registry.Derived{}, nil
	_, err := c.copy(j)
	if f := c.failure(err); f.Reason != image.ReasonUnsupported || !strings.Contains(f.Detail, "it has linux/amd64, linux/arm64") {
		c.Errorf("one that there is not: %v", err)
	}
}

// sparse: the index stays what it is if the target takes it; else it is one of its own.
func (c *copying) sparse() {
	digest := Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	j := c.job("apps/demo:1")
	j.Platforms, j.Sparse = []string{"linux/arm64"}, true
	done := c.must(j)
	if distinct(c.source.Asked(), "/manifests/") != 2 || done.Source != digest || c.there() != done.Digest {
		c.Errorf("%+v", done)
	}
	if again := c.must(j); !again.Already || again.Digest != done.Digest {
		c.Errorf("%+v", again)
	}
	c.target.Fault(On(http.MethodPut, "manifest", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, digest) {
			Status(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN: not all is there")(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}))
	j.Target = c.ref(Target + "/apps/strict:1")
	if strict := c.must(j); strict.Digest == digest || strict.Source != digest {
		c.Errorf("a target that wants all: %+v", strict)
	}
}

// foreign: layers that are not to be passed on stay where they are, or are taken along where that is wanted.
func (c *copying) foreign() {
	img := empty.Image
	layers, err := Image(c.T, Files{"base": "of somebody else"}).Layers()
	if err != nil {
		c.Fatal(err)
	}
	img, err = mutate.Append(img, mutate.Addendum{Layer: layers[0], MediaType: types.DockerForeignLayer, URLs: []string{"https://example.com/layer"}})
	if err != nil {
		c.Fatal(err)
	}
	digest, _ := layers[0].Digest()
	Push(c.T, c.source.URL, "apps/other:1", Image(c.T, Files{"base": "of somebody else"}))
	Push(c.T, c.source.URL, "apps/demo:1", img)
	for _, take := range []bool{false, true} {
		j := c.job("apps/demo:1")
		j.NonDistributable = take
		j.Source.Repository = "apps/demo"
		if take {
			// The registry has it, in a repository that may be read as one with the image.
			Push(c.T, c.source.URL, "apps/demo:base", Image(c.T, Files{"base": "of somebody else"}))
			j.Target = c.ref(Target + "/apps/taken:1")
		}
		c.must(j)
		fetched := slices.ContainsFunc(c.source.Asked(), func(a string) bool { return strings.HasSuffix(a, digest.String()) })
		if fetched != take {
			c.Errorf("taken along: %v, want %v", fetched, take)
		}
	}
}

// attestations: what a builder says of an image goes with it, also when not all platforms do.
func (c *copying) attestations() {
	amd, arm := Image(c.T, Files{"arch": "amd64"}), Image(c.T, Files{"arch": "arm64"})
	idx := Index(map[string]v1.Image{"amd64": amd, "arm64": arm})
	for _, img := range []v1.Image{amd, arm} {
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{
			Add: Image(c.T, Files{"about": c.digest(img)}),
			Descriptor: v1.Descriptor{
				Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
				Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": c.digest(img)},
			},
		})
	}
	want := Push(c.T, c.source.URL, "apps/demo:1", idx)
	if done := c.must(c.job("apps/demo:1")); done.Digest != want || done.AllBlobs != 8 {
		c.Errorf("%+v", done)
	}
	if found, err := c.copier.Client.Verify(c.Context(), c.ref(Target+"/apps/demo").At(want), nil); err != nil || len(found.Lacks) > 0 || found.Manifests != 5 {
		c.Errorf("%+v, %v", found, err)
	}
	j := c.job("apps/demo:1")
	j.Target, j.Platforms = c.ref(Target+"/apps/some:1"), []string{"linux/amd64"}
	done := c.must(j)
	if found, err := c.copier.Client.Verify(c.Context(), j.Target.At(done.Digest), nil); err != nil || len(found.Lacks) > 0 || found.Manifests != 3 {
		c.Errorf("of one platform: %+v, %v", found, err)
	}
}
