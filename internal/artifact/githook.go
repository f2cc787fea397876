// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"rhumb.run/rhumb/internal/core/push"
)

// maxRefs bounds what one notification may name: pushes of mirrors name thousands.
const maxRefs = 1000

// gitNotification has the fields of all git servers that are understood; each fills its own.
type gitNotification struct {
	// Ref and Repository: GitHub, Gitea, Forgejo. Of what was made, GitHub and Gitea give the short name and RefType.
	Ref        string     `json:"ref"`
	RefType    string     `json:"ref_type"`
	Repository repository `json:"repository"`
	// Project, beside Ref: GitLab. Its system hooks give Refs.
	Project repository `json:"project"`
	Refs    []string   `json:"refs"`
	// Push: Bitbucket Cloud.
	Push struct {
		Changes []struct {
			New, Old *bitbucketRef
		} `json:"changes"`
	} `json:"push"`
	// Changes: Bitbucket Data Center.
	// What others call so is no list of these: GitLab's and GitHub's edits.
	Changes json.RawMessage `json:"changes"`
}

// repository has the names that git servers give to a repository's addresses.
type repository struct {
	CloneURL   string `json:"clone_url"`
	SSHURL     string `json:"ssh_url"`
	GitURL     string `json:"git_url"`
	HTMLURL    string `json:"html_url"`
	SvnURL     string `json:"svn_url"`
	URL        string `json:"url"`
	GitHTTPURL string `json:"git_http_url"`
	GitSSHURL  string `json:"git_ssh_url"`
	HTTPURL    string `json:"http_url"`
	WebURL     string `json:"web_url"`
	Homepage   string `json:"homepage"`
	Links      struct {
		HTML struct {
			Href string `json:"href"`
		} `json:"html"`
		Clone []struct {
			Href string `json:"href"`
		} `json:"clone"`
	} `json:"links"`
}

type bitbucketRef struct{ Type, Name string }

// readGitHook says what a notification says was pushed. What is no push names no refs.
func readGitHook(contentType string, body []byte) (push.Pushed, error) {
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		// GitHub's and Gitea's other way: the same JSON as a field of a form.
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return push.Pushed{}, errors.New("want a form with a payload")
		}
		body = []byte(form.Get("payload"))
	}
	var n gitNotification
	if err := json.Unmarshal(body, &n); err != nil {
		return push.Pushed{}, errors.New("want a JSON object of a git server that is known here")
	}
	refs := n.refs()
	return push.Pushed{
		Addresses: slices.Concat(n.Repository.addresses(), n.Project.addresses()),
		Refs:      refs[:min(len(refs), maxRefs)],
	}, nil
}

func (n *gitNotification) refs() []string {
	out := slices.Clone(n.Refs)
	switch {
	case n.RefType == "tag":
		out = append(out, push.Tag(n.Ref))
	case n.Ref != "":
		out = append(out, push.Branch(n.Ref))
	}
	for _, c := range n.Push.Changes {
		for _, r := range []*bitbucketRef{c.New, c.Old} {
			if r != nil && r.Type == "tag" {
				out = append(out, push.Tag(r.Name))
			} else if r != nil {
				out = append(out, push.Branch(r.Name))
			}
		}
	}
	var changes []struct {
		Ref struct {
			ID string `json:"id"`
		} `json:"ref"`
	}
	if json.Unmarshal(n.Changes, &changes) == nil {
		for _, c := range changes {
			out = append(out, c.Ref.ID)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(ref string) bool { return ref == "" })
}

func (r *repository) addresses() []string {
	out := []string{
		r.CloneURL, r.SSHURL, r.GitURL, r.HTMLURL, r.SvnURL, r.URL, r.GitHTTPURL, r.GitSSHURL, r.HTTPURL, r.WebURL, r.Homepage, r.Links.HTML.Href,
	}
	for _, c := range r.Links.Clone[:min(len(r.Links.Clone), 10)] {
		out = append(out, c.Href)
	}
	return slices.DeleteFunc(out, func(a string) bool { return a == "" })
}
