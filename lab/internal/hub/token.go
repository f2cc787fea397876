// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"rhumb.run/rhumb/lab/internal/password"
)

const service = "registry.docker.io"

// private is the owner whose images only the user sees.
const private = "private/"

// grant is what a token says.
type grant struct {
	Account string              `json:"account,omitempty"`
	Access  map[string][]string `json:"access"`
	Expires int64               `json:"expires"`
}

// issue gives a token for what was asked for, as far as that is allowed; a
// password that is wrong gets none.
func (h *Hub) issue(w http.ResponseWriter, r *http.Request) {
	g := grant{Access: map[string][]string{}, Expires: h.now().Add(validity).Unix()}
	if _, _, ok := r.BasicAuth(); ok {
		if !password.Known(r, h.password) {
			refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "incorrect username or password")
			return
		}
		g.Account = password.User
	}
	for _, scope := range strings.Fields(strings.Join(r.URL.Query()["scope"], " ")) {
		kind, rest, _ := strings.Cut(scope, ":")
		repository, actions, _ := strings.Cut(rest, ":")
		if kind != "repository" {
			continue
		}
		for a := range strings.SplitSeq(actions, ",") {
			if g.may(repository, a) {
				g.Access[repository] = append(g.Access[repository], a)
			}
		}
	}
	raw, err := json.Marshal(g)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	text := base64.RawURLEncoding.EncodeToString(raw)
	token := text + "." + h.sign(text)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"token": token, "access_token": token, "expires_in": int(validity.Seconds()), "issued_at": h.now().UTC().Format("2006-01-02T15:04:05Z"),
	})
}

// may says what a token may be asked for: anybody pulls what is public.
func (g grant) may(repository, action string) bool {
	if g.Account == password.User {
		return action == "pull" || action == "push"
	}
	return action == "pull" && !strings.HasPrefix(repository, private)
}

// admit lets a request in whose token is good for it, and says whose it is. To
// others it says where to get one.
func (h *Hub) admit(w http.ResponseWriter, r *http.Request, a asked) (account string, ok bool) {
	g, known := h.read(r)
	if known && (a.repository == "" || slices.Contains(g.Access[a.repository], action(r))) {
		return g.Account, true
	}
	challenge := fmt.Sprintf(`Bearer realm="https://%s/token",service=%q`, auth, service)
	if a.repository != "" {
		scope := "pull"
		if action(r) == "push" {
			scope = "pull,push"
		}
		challenge += fmt.Sprintf(`,scope="repository:%s:%s"`, a.repository, scope)
	}
	if known {
		challenge += `,error="insufficient_scope"`
	} else if r.Header.Get("Authorization") != "" {
		challenge += `,error="invalid_token"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	return "", false
}

// read takes the token out of a request, if it is one of ours and still good.
func (h *Hub) read(r *http.Request) (grant, bool) {
	var g grant
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return g, false
	}
	text, signature, _ := strings.Cut(token, ".")
	if !h.signed(text, signature) {
		return g, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &g) != nil {
		return g, false
	}
	return g, h.now().Unix() <= g.Expires
}

func (h *Hub) sign(text string) string {
	mac := hmac.New(sha256.New, h.key)
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (h *Hub) signed(text, signature string) bool {
	return hmac.Equal([]byte(h.sign(text)), []byte(signature))
}
