// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFind(t *testing.T) {
	for name, tc := range map[string]struct {
		why, in string
		want    []Hierarchy
	}{
		"Version 2": {
			why:  "most machines",
			in:   "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n24 1 8:1 / / rw - ext4 /dev/vda rw",
			want: []Hierarchy{{Dir: "/sys/fs/cgroup", Unified: true}},
		},
		"Version 1 and 2": {
			why: "a pod's group has to be made in each, named hierarchies too",
			in: "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
				"32 30 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" +
				"33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n" +
				"34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" +
				"29 24 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755",
			want: []Hierarchy{
				{Dir: "/sys/fs/cgroup/cpu,cpuacct"}, {Dir: "/sys/fs/cgroup/cpuset", Cpuset: true},
				{Dir: "/sys/fs/cgroup/systemd"}, {Dir: "/sys/fs/cgroup/unified", Unified: true},
			},
		},
		"Twice": {
			why:  "a mount shown twice is one tree",
			in:   "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n31 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
			want: []Hierarchy{{Dir: "/sys/fs/cgroup", Unified: true}},
		},
		"Blank": {why: "the kernel escapes blanks", in: `30 24 0:26 / /a\040b rw - cgroup2 none rw`, want: []Hierarchy{{Dir: "/a b", Unified: true}}},
		"None":  {why: "without control groups there is no node, and it must say so", in: "24 1 8:1 / / rw - ext4 /dev/vda rw"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Find(strings.NewReader(tc.in))
			if (err != nil) != (tc.want == nil) {
				t.Errorf("%s: error %v", tc.why, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got\n%s", tc.why, diff)
			}
		})
	}
}

// tree is a directory that looks like hierarchies of control groups.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestMakeCopiesTheCpuset(t *testing.T) {
	root := tree(t, map[string]string{"cpuset/cpuset.cpus": "0-1\n", "cpuset/cpuset.mems": "0\n", "memory/x": ""})
	all := []Hierarchy{{Dir: root + "/cpuset", Cpuset: true}, {Dir: root + "/memory"}}
	for range 2 { // a group left by an unclean end is taken over
		if err := Make(all, "lab"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(root + "/cpuset/lab/cpuset.cpus")
	if err != nil || string(got) != "0-1\n" {
		t.Errorf("the group's cpus are %q (%v): no process could enter it", got, err)
	}
	if _, err := os.Stat(root + "/memory/lab"); err != nil {
		t.Error(err)
	}
}

func TestMakeSaysWhatToDo(t *testing.T) {
	err := Make([]Hierarchy{{Dir: "/proc/self"}}, "lab") // not even root makes a directory there
	if err == nil || !strings.Contains(err.Error(), "--no-node") {
		t.Errorf("got %v, want the way out", err)
	}
}

func TestRemoveTakesAllBelow(t *testing.T) {
	root := t.TempDir()
	all := []Hierarchy{{Dir: root}}
	if err := os.MkdirAll(root+"/lab/kubepods/burstable/pod1", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Remove(all, "lab", time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root + "/lab"); !os.IsNotExist(err) {
		t.Errorf("the group is still there: %v", err)
	}
	if err := Remove(all, "lab", time.Second); err != nil {
		t.Errorf("removing what is gone: %v", err)
	}
}

func TestRemoveNamesWhatStays(t *testing.T) {
	root := tree(t, map[string]string{"lab/kubepods/held": ""}) // a file keeps a directory, as a process keeps a group
	err := Remove([]Hierarchy{{Dir: root}}, "lab", 0)
	if err == nil || !strings.Contains(err.Error(), "lab/kubepods") {
		t.Errorf("got %v, want the group that stays", err)
	}
}

func TestBusy(t *testing.T) {
	root := tree(t, map[string]string{"a/lab/cgroup.procs": "", "b/lab/kubepods/cgroup.procs": "42\n43\n", "b/other/cgroup.procs": "7\n"})
	all := []Hierarchy{{Dir: root + "/a"}, {Dir: root + "/b"}}
	if got := Busy(all, "lab"); got != 42 {
		t.Errorf("Busy is %d, want the process in the group", got)
	}
	if got := Busy(all[:1], "lab"); got != 0 {
		t.Errorf("Busy is %d for an empty group", got)
	}
}
