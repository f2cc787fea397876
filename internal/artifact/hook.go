// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"rhumb.run/rhumb/internal/core/image"
)

const maxPushes = 1000

// notification has the fields of all senders that are understood; each fills its own.
type notification struct {
	// Events: the distribution project's registry, and whatever copies it.
	Events []struct {
		Action string `json:"action"`
		Target struct {
			MediaType  string `json:"mediaType"`
			Repository string `json:"repository"`
			Tag        string `json:"tag"`
		} `json:"target"`
		Request struct {
			Host string `json:"host"`
		} `json:"request"`
	} `json:"events"`

	// EventData: Harbor.
	Type      string `json:"type"`
	EventData struct {
		Resources []struct {
			ResourceURL string `json:"resource_url"`
		} `json:"resources"`
	} `json:"event_data"`

	// PushData and Repository: Docker Hub. Quay fills DockerURL, Tags and a Repository that is text.
	PushData struct {
		Tag string `json:"tag"`
	} `json:"push_data"`
	Repository json.RawMessage `json:"repository"`
	DockerURL  string          `json:"docker_url"`
	Tags       []string        `json:"updated_tags"`
}

// readHook says what a notification says was pushed. What is no push, or names no image, is left out.
func readHook(body []byte) ([]image.Pushed, error) {
	var n notification
	if err := json.Unmarshal(body, &n); err != nil {
		return nil, errors.New("want a JSON object of a registry that is known here")
	}
	out := slices.Concat(n.distribution(), n.harbor(), n.hub(), n.quay())
	return out[:min(len(out), maxPushes)], nil
}

func (n *notification) distribution() []image.Pushed {
	var out []image.Pushed
	for _, e := range n.Events {
		if e.Action == "push" && mayBeTagged(e.Target.MediaType) {
			out = append(out, image.Pushed{Host: image.CanonicalHost(e.Request.Host), Repository: e.Target.Repository, Tag: e.Target.Tag})
		}
	}
	return out
}

func (n *notification) harbor() []image.Pushed {
	var out []image.Pushed
	if strings.Contains(strings.ToUpper(n.Type), "PUSH") {
		for _, r := range n.EventData.Resources {
			out = append(out, named(r.ResourceURL)...)
		}
	}
	return out
}

func (n *notification) hub() []image.Pushed {
	var repository struct {
		RepoName string `json:"repo_name"`
	}
	if json.Unmarshal(n.Repository, &repository) != nil {
		return nil
	}
	out := named(repository.RepoName)
	for i := range out {
		out[i].Tag = n.PushData.Tag
	}
	return out
}

func (n *notification) quay() []image.Pushed {
	var out []image.Pushed
	for _, p := range named(n.DockerURL) {
		for _, tag := range n.Tags {
			out = append(out, image.Pushed{Host: p.Host, Repository: p.Repository, Tag: tag})
		}
	}
	return out
}

// mayBeTagged leaves out blobs, of which each push has many: no tag ever names one.
func mayBeTagged(media string) bool {
	return media == "" || strings.Contains(media, "manifest") || strings.Contains(media, "index")
}

// named reads an image's name as a push to it.
func named(s string) []image.Pushed {
	r, err := image.Parse(s)
	if err != nil {
		return nil
	}
	p := image.Pushed{Host: r.Host, Repository: r.Repository}
	if r.Name != r.Written && r.Digest == "" {
		p.Tag = r.Tag
	}
	return []image.Pushed{p}
}
