// SPDX-License-Identifier: Apache-2.0

package view

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

var update = flag.Bool("update", false, "write what is shown into the files: read the difference before you commit it")

// now is when everything is looked at: one minute after midnight.
var now = time.Date(2026, 1, 2, 0, 1, 0, 0, time.UTC)

// TestText shows each file's facts: prose, then workload.yaml, deliverable.yaml,
// pods.yaml, ingresses.yaml, knative.yaml, unread.yaml, and want.txt.
func TestText(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 3 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f, want := &Facts{}, -1
			into := map[string]any{
				"workload.yaml": &f.Workload, "deliverable.yaml": &f.Deliverable, "pods.yaml": &f.Pods,
				"ingresses.yaml": &f.Ingresses, "knative.yaml": &f.Knative, "unread.yaml": &f.Unread,
			}
			for i, part := range a.Files {
				if part.Name == "want.txt" {
					want = i
					continue
				}
				if into[part.Name] == nil {
					t.Fatalf("nobody reads %s", part.Name)
				}
				if err := yaml.Unmarshal(part.Data, into[part.Name]); err != nil {
					t.Fatal(err)
				}
			}
			got := Text(f, now, Style{Hint: `To see logs: "rhumb workload tail ` + f.Workload.Name + `"`})
			if *update {
				a.Files[want].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil { //nolint:forbidigo // a test writes what it reads
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(a.Files[want].Data), got); d != "" {
				t.Errorf("%s(-want +got):\n%s", a.Comment, d)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	at := func(generation, observed int64, status metav1.ConditionStatus) *v1alpha1.Workload {
		w := &v1alpha1.Workload{ObjectMeta: metav1.ObjectMeta{Generation: generation}}
		w.Status.ObservedGeneration = observed
		w.Status.Conditions = []metav1.Condition{{Type: v1alpha1.Ready, Status: status, Reason: "R", Message: "m\nn"}}
		w.Status.Cause = "c"
		return w
	}
	for name, c := range map[string]struct {
		why      string
		workload *v1alpha1.Workload
		want     Verdict
		says     string
	}{
		"New":     {"no controller has seen it", &v1alpha1.Workload{}, Waiting, "it has no status: no controller has seen it"},
		"Ready":   {"all is well", at(2, 2, metav1.ConditionTrue), IsReady, "[R]: m n\nCause: c"},
		"Failing": {"something is wrong", at(2, 2, metav1.ConditionFalse), Failing, "[R]: m n\nCause: c"},
		"Unknown": {"nobody knows yet", at(2, 2, metav1.ConditionUnknown), Waiting, "[R]: m n\nCause: c"},
		"Stale":   {"what an older spec was like says nothing", at(2, 1, metav1.ConditionTrue), Waiting, "its status speaks of an older spec: no controller has seen this one"},
		"Worse":   {"its failure neither", at(2, 1, metav1.ConditionFalse), Waiting, "its status speaks of an older spec: no controller has seen this one"},
	} {
		if got := Judge(c.workload); got != c.want {
			t.Errorf("%s, %s: got %v, want %v", name, c.why, got, c.want)
		}
		if got := Why(c.workload); got != c.says {
			t.Errorf("%s: says %q", name, got)
		}
	}
}

func TestPodStatus(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	yes := true
	wait := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	}
	done := func(code int32, reason string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}
	}
	runs := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	for name, c := range map[string]struct {
		why  string
		pod  corev1.Pod
		want string
	}{
		"Pending": {"nobody has it yet", corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending}}, "Pending"},
		"Pull":    {"what keeps it", corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{State: wait("ErrImagePull")}}}}, "ErrImagePull"},
		"Crash":   {"the code, where there is no word", corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: done(3, "")}}}}, "ExitCode:3"},
		"Evicted": {"the pod's own reason", corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}}, "Evicted"},
		"Going":   {"it is on its way out", corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{}}}, "Terminating"},
		"Half": {
			"one ended as it should, the other runs",
			corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{State: done(0, "Completed")}, {State: runs, Ready: true}}}},
			"Running",
		},
		"Init": {
			"the step that it is at",
			corev1.Pod{
				Spec:   corev1.PodSpec{InitContainers: []corev1.Container{{Name: "a"}, {Name: "b"}}},
				Status: corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{Name: "a", State: done(0, "Completed")}, {Name: "b", State: runs}}},
			},
			"Init:1/2",
		},
		"InitFailed": {
			"the step that failed",
			corev1.Pod{Status: corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{State: done(1, "Error")}}}},
			"Init:Error",
		},
		"Sidecar": {
			"one that stays holds nobody up",
			corev1.Pod{
				Spec:   corev1.PodSpec{InitContainers: []corev1.Container{{Name: "side", RestartPolicy: &always}}},
				Status: corev1.PodStatus{Phase: corev1.PodRunning, InitContainerStatuses: []corev1.ContainerStatus{{Name: "side", State: runs, Started: &yes}}},
			},
			"Running",
		},
	} {
		if got := podStatus(&c.pod); got != c.want {
			t.Errorf("%s, %s: got %s, want %s", name, c.why, got, c.want)
		}
	}
}

// What others wrote neither moves the cursor nor adds a row.
func TestOneLine(t *testing.T) {
	w := &v1alpha1.Workload{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	w.Status.Conditions = []metav1.Condition{{Type: v1alpha1.Ready, Status: metav1.ConditionFalse, Reason: "R", Message: "one\ntwo\x1b[2J\tthree"}}
	got := Text(&Facts{Workload: w, Ingresses: []networkingv1.Ingress{}}, now, Style{Plain: true})
	if !strings.Contains(got, "   Workload [R]:   one two [2J three\n") || strings.Contains(got, "\x1b") {
		t.Errorf("got %q", got)
	}
}
