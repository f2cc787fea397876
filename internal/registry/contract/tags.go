// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"rhumb.run/rhumb/internal/core/image"
)

// tagged are tests of lists and of deleting.
var tagged = map[string]func(*copying){
	"Tags":              (*copying).tags,
	"TagsWithoutEnd":    (*copying).endless,
	"DeleteTag":         (*copying).deleteTag,
	"DeleteTagByDigest": (*copying).deleteByDigest,
}

// tags: all of them, whatever a registry gives at once.
func (c *copying) tags() {
	var want []string
	img := Image(c.T, Files{"a": "1"})
	for i := range 5 {
		tag := fmt.Sprintf("v%d", i)
		Push(c.T, c.target.URL, "apps/demo:"+tag, img)
		want = append(want, tag)
	}
	c.target.Fault(On(http.MethodGet, "tags", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		last := r.URL.Query().Get("last")
		at := slices.Index(want, last) + 1
		end := min(at+2, len(want))
		if end < len(want) {
			w.Header().Set("Link", fmt.Sprintf(`</v2/apps/demo/tags/list?n=2&last=%s>; rel="next"`, want[end-1]))
		}
		_, _ = fmt.Fprintf(w, `{"name":"apps/demo","tags":["%s"]}`, strings.Join(want[at:end], `","`))
	}))
	for _, paged := range []bool{true, false} {
		if !paged {
			c.target.Fault(nil)
		}
		got, err := c.copier.Client.Tags(c.Context(), c.ref(Target+"/apps/demo"), nil)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			c.Errorf("in pages: %v: %q, %v", paged, got, err)
		}
	}
	if _, err := c.copier.Client.Tags(c.Context(), c.ref(Target+"/apps/nothing"), nil); Reason(err) != image.ReasonNotFound {
		c.Errorf("of what is not there: %v", err)
	}
}

// endless: a list that names itself as its next page ends, and one that goes on elsewhere is not followed there.
func (c *copying) endless() {
	for _, link := range []string{"/v2/apps/demo/tags/list?n=2", c.source.URL + "/v2/apps/demo/tags/list"} {
		c.target.Fault(On(http.MethodGet, "tags", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Link", "<"+link+`>; rel="next"`)
			_, _ = w.Write([]byte(`{"tags":["a"]}`))
		}))
		c.source.Asked()
		_, err := c.copier.Client.Tags(c.Context(), c.ref(Target+"/apps/demo"), nil)
		if n := len(c.target.Asked()); n > 200 || len(c.source.Asked()) > 0 || (err == nil) != strings.HasPrefix(link, "http") {
			c.Errorf("%s: %d requests, %v", link, n, err)
		}
	}
}

// left are the tags that the target has.
func (c *copying) left() []string {
	c.Helper()
	tags, err := c.copier.Client.Tags(c.Context(), c.ref(Target+"/apps/demo"), nil)
	if err != nil {
		c.Fatal(err)
	}
	slices.Sort(tags)
	return tags
}

// untags reports whether the target deletes tags: some delete by digest alone, which takes all of its tags along.
func (c *copying) untags() bool {
	c.Helper()
	Push(c.T, c.target.URL, "apps/probe:1", Image(c.T, Files{"a": "probe"}))
	req, err := http.NewRequestWithContext(c.Context(), http.MethodDelete, c.target.URL+"/v2/apps/probe/manifests/1", nil)
	if err != nil {
		c.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusAccepted
}

// deleteTag: a tag goes, those beside it of the same digest stay; that it is gone is well; who may not delete is told so. A
// registry that cannot keeps both, and that is said.
func (c *copying) deleteTag() {
	img := Image(c.T, Files{"a": "1"})
	digest := Push(c.T, c.target.URL, "apps/demo:1", img)
	Push(c.T, c.target.URL, "apps/demo:2", img)
	able := c.untags()
	logins := c.target.Tokens(Target, "keeper")
	for range 2 {
		err := c.copier.Client.DeleteTag(c.Context(), c.ref(Target+"/apps/demo:1"), logins)
		if able != (err == nil) || (!able && (Reason(err) != image.ReasonUnsupported || !strings.Contains(err.Error(), "tag 2 has it too"))) {
			c.Errorf("it deletes tags: %v; %v", able, err)
		}
	}
	c.target.guard(nil)
	if !able {
		if !slices.Equal(c.left(), []string{"1", "2"}) {
			c.Errorf("left are %q", c.left())
		}
		return
	}
	if got, err := c.copier.Client.Resolve(c.Context(), c.ref(Target+"/apps/demo:2"), nil); err != nil || got != digest || !slices.Equal(c.left(), []string{"2"}) {
		c.Errorf("the tag beside it: %s, %v; left are %q", got, err, c.left())
	}
	c.target.Fault(On(http.MethodDelete, "", Status(http.StatusForbidden, "DENIED: not you")))
	c.target.Forget()
	if err := c.copier.Client.DeleteTag(c.Context(), c.ref(Target+"/apps/demo:2"), nil); Reason(err) != image.ReasonUnauthorized || c.target.Tally()["DELETE manifest"] != 1 {
		c.Errorf("not allowed: %v, %v", err, c.target.Tally())
	}
}

// deleteByDigest: where tags cannot be deleted a digest is, if nothing else goes with it.
func (c *copying) deleteByDigest() {
	amd := Image(c.T, Files{"arch": "amd64"})
	for _, tc := range []struct {
		why  string
		push func()
		gone bool
		says string
	}{
		{"alone", func() { Push(c.T, c.target.URL, "apps/demo:1", amd) }, true, ""},
		{"another tag has it", func() { Push(c.T, c.target.URL, "apps/demo:1", amd); Push(c.T, c.target.URL, "apps/demo:2", amd) }, false, "tag 2 has it too"},
		{"an index has it", func() {
			Push(c.T, c.target.URL, "apps/demo:2", Index(map[string]v1.Image{"amd64": amd}))
			Push(c.T, c.target.URL, "apps/demo:1", amd)
		}, false, "tag 2 has it too"},
	} {
		c.target.Fault(nil)
		tc.push()
		c.target.Fault(On(http.MethodDelete, "manifest", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if !strings.Contains(r.URL.Path, "sha256:") {
				Status(http.StatusMethodNotAllowed, "UNSUPPORTED: the operation is unsupported")(w, r, next)
				return
			}
			next.ServeHTTP(w, r)
		}))
		c.target.Forget()
		err := c.copier.Client.DeleteTag(c.Context(), c.ref(Target+"/apps/demo:1"), nil)
		if tc.gone != (err == nil) || (!tc.gone && (Reason(err) != image.ReasonUnsupported || !strings.Contains(err.Error(), tc.says))) {
			c.Errorf("%s: %v", tc.why, err)
		}
		if deletes := c.target.Tally()["DELETE manifest"]; (deletes == 2) != tc.gone {
			c.Errorf("%s: %d times deleted", tc.why, deletes)
		}
	}
}
