// SPDX-License-Identifier: Apache-2.0

package git

import (
	"html/template"
	"net/http"
	"strings"
)

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>git of this lab</title>
<style>body{font:15px sans-serif;margin:2em}td,th{padding:.2em 1.5em .2em 0;text-align:left;vertical-align:top}code{font-size:13px}</style></head>
<body><h1>Repositories</h1>
{{if .Repositories}}<table><tr><th>clone</th><th>branches and tags</th></tr>
{{range .Repositories}}<tr><td><code>{{$.Base}}/{{.Name}}.git</code></td><td>{{range $ref, $commit := .Refs}}<code>{{$commit}}</code> {{$ref}}<br>{{else}}empty{{end}}</td></tr>
{{end}}</table>{{else}}<p>None yet: the first push to <code>{{.Base}}/NAME.git</code> makes one.</p>{{end}}
</body></html>
`))

// row is a repository as the page shows it.
type row struct {
	Name string
	Refs map[string]string
}

// list shows every repository that the asker may read, and what is in it.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	var rows []row
	for _, name := range s.names() {
		if strings.HasPrefix(name, "private/") && !s.known(r) {
			continue
		}
		short := map[string]string{}
		for ref, digest := range s.refs(r.Context(), name) {
			short[strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/")] = digest[:min(12, len(digest))]
		}
		rows = append(rows, row{name, short})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, map[string]any{"Base": "http://" + r.Host, "Repositories": rows})
}
