// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// What nobody reads says "hidden".
const (
	fatMeta = `
  name: web
  namespace: demo
  uid: u
  resourceVersion: "7"
  generation: 3
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: hidden
    rhumb.run/original-images: '{"a":"nginx:1"}'
    rhumb.run/image-clone-pull-secret: pull
  finalizers: [hidden.example.com/x]
  ownerReferences:
  - {apiVersion: v1, kind: Hidden, name: hidden, uid: hidden}
  - {apiVersion: v1, kind: App, name: top, uid: hidden, controller: true}
`
	fatSpec = `
  serviceAccountName: robot
  nodeName: hidden
  imagePullSecrets: [{name: pull}]
  initContainers: [{name: i, image: "busybox:1", command: [hidden], imagePullPolicy: Always}]
  containers:
  - name: a
    image: localhost:5000/nginx:1
    args: [hidden]
    env: [{name: PASSWORD, value: hidden}]
    envFrom: [{secretRef: {name: hidden}}]
    livenessProbe: {httpGet: {path: /hidden, port: 80}}
  - {name: b, image: "redis:7", imagePullPolicy: Never}
  volumes:
  - {name: v, image: {reference: "data:1", pullPolicy: Always}}
  - {name: hidden, secret: {secretName: hidden}}
`
	fatPodMeta = `
  labels: {app: web}
  annotations: {chosen: by, kubectl.kubernetes.io/last-applied-configuration: hidden}
`
)

func in(depth int, text string) string {
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat("  ", depth))
}

func template(depth int) string {
	return in(depth, "\ntemplate:\n  metadata:"+in(1, fatPodMeta)+"\n  spec:"+in(1, fatSpec))
}

func TestLean(t *testing.T) {
	made := "metadata:" + fatMeta + "\nspec:\n  serviceName: hidden\n  selector: {matchLabels: {a: hidden}}" + template(1)
	podMeta := strings.Replace(fatMeta, "  annotations:", "  labels: {app: web}\n  annotations:\n    chosen: by", 1)
	cases := map[string]struct {
		object client.Object
		text   string
	}{
		"Deployment":  {&appsv1.Deployment{}, made + "\nstatus: {replicas: 2, readyReplicas: 2, conditions: [{type: Hidden, message: hidden}]}"},
		"StatefulSet": {&appsv1.StatefulSet{}, made + "\nstatus: {replicas: 2, readyReplicas: 2, currentRevision: hidden}"},
		"DaemonSet":   {&appsv1.DaemonSet{}, made + "\nstatus: {desiredNumberScheduled: 2, numberReady: 2, conditions: [{type: Hidden, message: hidden}]}"},
		"Job":         {&batchv1.Job{}, made + "\nstatus: {conditions: [{type: Hidden, message: hidden}]}"},
		"CronJob":     {&batchv1.CronJob{}, "metadata:" + fatMeta + "\nspec:\n  schedule: hidden\n  jobTemplate:\n    spec:" + template(3)},
		"Pod":         {&corev1.Pod{}, "metadata:" + podMeta + "\nspec:" + fatSpec + "\nstatus: {message: hidden, podIP: hidden}"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := yaml.Unmarshal([]byte(tc.text), tc.object); err != nil {
				t.Fatal(err)
			}
			full := tc.object.DeepCopyObject().(client.Object)
			if !Lean(tc.object) {
				t.Fatal("it was taken for something else")
			}
			text, err := json.Marshal(tc.object)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.ToLower(string(text)), "hidden") {
				t.Errorf("what nobody reads is kept: %s", text)
			}
			if diff := cmp.Diff(asRead(t, full), asRead(t, tc.object)); diff != "" {
				t.Errorf("it reads differently (-whole +lean):\n%s", diff)
			}
		})
	}
	if o := (&corev1.Secret{Data: map[string][]byte{"a": []byte("b")}}); Lean(o) || len(o.Data) == 0 {
		t.Error("what has no pods is somebody else's, and whole")
	}
}

// asRead is all that is read of an object, and what comes of it.
func asRead(t *testing.T, o client.Object) map[string]any {
	t.Helper()
	read, ok := ObjectOf(o)
	if !ok {
		t.Fatal("it has no pods")
	}
	delete(read.Annotations, corev1.LastAppliedConfigAnnotation)
	own := map[string]string{}
	for key, value := range read.Own {
		if strings.HasPrefix(key, annotationPrefix) {
			own[key] = value
		}
	}
	slots, secrets, account := Slots(read.Spec), read.Spec.ImagePullSecrets, read.Spec.ServiceAccountName
	all := envPolicy(t)
	all.Match.Kinds, all.Match.Owned, all.Strategy = nil, true, Workload
	verdicts, change := InOrder([]*Policy{all}).Decide(read, there)
	var patch any // what has run is not changed
	if change != nil {
		patch = asJSON(t, change.Patch(read))
	} else if read.Kind != "Pod" && read.Kind != "Job" {
		t.Fatalf("nothing is to be changed: %+v", verdicts)
	}
	restored, err := Restore(read)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"subject": read.Subject, "uid": read.UID, "version": read.Version, "ready": read.Ready, "own": own, "generation": o.GetGeneration(),
		"slots": slots, "secrets": secrets, "account": account, "verdicts": len(verdicts), "restored": restored,
		"patch": patch,
	}
}

func asJSON(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
