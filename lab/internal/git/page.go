// SPDX-License-Identifier: Apache-2.0

package git

import (
	"html/template"
	"net/http"
	"strings"
)

var pages = template.Must(template.New("").Parse(`{{define "head"}}<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.}}</title>
<style>body{font:15px sans-serif;margin:2em;max-width:70em}td,th{padding:.2em 1.5em .2em 0;text-align:left;vertical-align:top}
code,pre{font-size:13px}pre{background:#f6f6f6;padding:1em;overflow:auto}.n{text-align:right;color:#666}</style></head><body>
{{end}}
{{define "list"}}{{template "head" "git of this lab"}}<h1>Repositories</h1>
{{if .Repositories}}<table><tr><th>repository</th><th>branch or tag</th><th colspan="2">newest commit</th></tr>
{{range $r := .Repositories}}{{range $i, $b := .Branches}}<tr><td>{{if eq $i 0}}<a href="/{{$r.Name}}">{{$r.Name}}</a>{{end}}</td><td><a href="/{{$r.Name}}?ref={{.Name}}">{{.Name}}</a></td><td><code>{{.Commit.Short}}</code></td><td>{{.Commit.Subject}}</td></tr>
{{else}}<tr><td><a href="/{{$r.Name}}">{{$r.Name}}</a></td><td>empty</td></tr>
{{end}}{{end}}</table>{{end}}
<p>Clone <code>{{.Base}}/NAME.git</code>; the first push to a name makes a repository.</p></body></html>
{{end}}
{{define "repository"}}{{template "head" .Name}}<p><a href="/">Repositories</a></p><h1><a href="/{{.Name}}">{{.Name}}</a></h1>
<p><code>git clone {{.Base}}/{{.Name}}.git</code></p>
{{$d := .}}{{if not .Branches}}<p>It is empty.</p>{{else}}<p>{{range .Branches}}<a href="/{{$d.Name}}?ref={{.Name}}">{{if eq .Name $d.Branch.Name}}<b>{{.Name}}</b>{{else}}{{.Name}}{{end}}</a> {{end}}</p>
{{if .Path}}<h2>{{.Path}}</h2><pre>{{.Text}}</pre>{{else}}
<h2>Commits</h2><table>{{range .Commits}}<tr><td><code>{{.Short}}</code></td><td>{{.Subject}}</td><td>{{.Author}}</td><td>{{.When}}</td></tr>
{{end}}</table>
<h2>Files</h2><table>{{range .Files}}<tr><td><a href="/{{$d.Name}}?ref={{$d.Branch.Name}}&amp;path={{.Path}}">{{.Path}}</a></td><td class="n">{{.Size}}</td></tr>
{{end}}</table>{{end}}{{end}}</body></html>
{{end}}`))

// render sends a page, which has no scripts and loads nothing.
func render(w http.ResponseWriter, page string, v any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("X-Content-Type-Options", "nosniff")
	_ = pages.ExecuteTemplate(w, page, v)
}

// base is the server's address as the asker knows it.
func base(r *http.Request) string {
	if r.Header.Get("X-Forwarded-Proto") == "https" { // by the lab's own front
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// row is a repository as the list shows it.
type row struct {
	Name     string
	Branches []branch
}

// list shows every repository that the asker may read, and what is in it.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	var rows []row
	for _, name := range s.names() {
		if strings.HasPrefix(name, "private/") && !s.known(r) {
			continue
		}
		rows = append(rows, row{name, s.branches(r.Context(), name)})
	}
	render(w, "list", map[string]any{"Base": base(r), "Repositories": rows})
}
