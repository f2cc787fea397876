// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefault(t *testing.T) {
	for name, tc := range map[string]struct {
		why  string
		env  map[string]string
		lab  string
		want string
	}{
		"Own variable": {
			why: "RHUMB_LAB_DIR is the most specific thing a user can say",
			env: map[string]string{"RHUMB_LAB_DIR": "/srv/lab", "XDG_DATA_HOME": "/x", "HOME": "/h"}, want: "/srv/lab",
		},
		"XDG": {
			why: "data belongs where the desktop says",
			env: map[string]string{"XDG_DATA_HOME": "/x", "HOME": "/h"}, want: "/x/rhumb-lab",
		},
		"Home": {why: "the usual case", env: map[string]string{"HOME": "/h"}, want: "/h/.local/share/rhumb-lab"},
		"Named": {
			why: "two labs with names of their own never share a directory",
			env: map[string]string{"HOME": "/h"}, lab: "two", want: "/h/.local/share/rhumb-lab-two",
		},
		"Nothing": {why: "no guess where there is no home", want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Default(func(k string) string { return tc.env[k] }, tc.lab)
			if got != tc.want || (err != nil) != (tc.want == "") {
				t.Errorf("%s: got %q, %v; want %q", tc.why, got, err, tc.want)
			}
		})
	}
}

func TestName(t *testing.T) {
	fit := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)
	seen := map[string]string{}
	for _, root := range []string{"/a/lab", "/b/lab", "/a/Lab!", "/tmp/" + string(make([]byte, 100)), "/", "/ä/ö"} {
		got := Name(root)
		if !fit.MatchString(got) {
			t.Errorf("Name(%q) = %q, which is not fit for a control group", root, got)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%q and %q have the same name %q", root, other, got)
		}
		seen[got] = root
	}
}

func TestParseForward(t *testing.T) {
	for name, tc := range map[string]struct {
		why, in string
		want    Forward
		fails   bool
	}{
		"Full":     {why: "as documented", in: "127.0.0.1:8080=10.250.0.1:80", want: Forward{"127.0.0.1:8080", "10.250.0.1:80"}},
		"Port":     {why: "a bare port is short for loopback", in: "8080=web.default:80", want: Forward{"127.0.0.1:8080", "web.default:80"}},
		"Outside":  {why: "a lab is never shown to the network", in: "0.0.0.0:8080=10.250.0.1:80", fails: true},
		"Name":     {why: "a name may resolve to anywhere", in: "example.com:8080=10.250.0.1:80", fails: true},
		"NoTarget": {why: "a typo is not a forward", in: "8080", fails: true},
		"NoPort":   {why: "a target without a port can't be dialled", in: "8080=10.250.0.1", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseForward(tc.in)
			if (err != nil) != tc.fails {
				t.Fatalf("%s: error %v", tc.why, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got\n%s", tc.why, diff)
			}
		})
	}
}

func TestSettingsSurvive(t *testing.T) {
	l := Layout{Root: t.TempDir()}
	if l.Exists() {
		t.Error("an empty directory is taken for a lab's")
	}
	want := Settings{Name: "x", Node: true, APIPort: 6443, RegistryPort: 5000, Notify: []string{"http://a"},
		Forwards: []Forward{{"127.0.0.1:1", "10.250.0.1:2"}}}
	if err := l.Save(want); err != nil {
		t.Fatal(err)
	}
	got, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || !l.Exists() {
		t.Errorf("-saved +loaded\n%s", diff)
	}
}
