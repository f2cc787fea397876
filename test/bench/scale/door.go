// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/cert"

	"rhumb.run/rhumb/test/e2e/rig"
)

const (
	webhook = "127.0.0.1:6398"
	reviews = 2000
	// believed is how long after a copy answered it is not asked for again.
	believed = 2 * time.Minute
	// dead is how many pods come, each with an image of its own, while the target does not answer.
	dead = 20
)

// door is the webhook, as the API server sees it, and how long it took to answer.
type door struct {
	*http.Client
	w *world
}

// admitted asks the webhook about pods: first of images that are known, then while the target is dead.
func (o options) admitted(ctx context.Context, l rig.Lab, w *world, f *figures) error {
	dir, roots, err := certificate(l.Dir)
	if err != nil {
		return err
	}
	d := door{w: w, Client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: workers,
	}}}
	defer d.CloseIdleConnections()
	known := o.images() / 2
	return with(ctx, l, func(*rig.Controller) error {
		if err := d.open(ctx); err != nil {
			return err
		}
		if _, err := d.ask(ctx, known, known); err != nil { // what was not looked at for long is looked at now
			return err
		}
		w.target.take()
		if f.asked, err = d.ask(ctx, reviews, known); err != nil {
			return err
		}
		f.askedTarget = all(w.target.take())
		if f.nothing, err = d.times(ctx, reviews, "/nothing", nil, http.StatusNotFound); err != nil {
			return err
		}
		forgotten, err := d.forgotten(ctx, known, o.images())
		if err != nil {
			return err
		}
		w.target.hang()
		f.dead, err = d.times(ctx, dead, "/mutate-pods", func(i int) int { return forgotten[i] }, http.StatusOK)
		fmt.Printf("admission: p50 %.1f p99 %.1f ms (nothing: p99 %.1f ms), %d requests to the target; target dead: %.0f ms at most\n",
			at(f.asked, 50), at(f.asked, 99), at(f.nothing, 99), f.askedTarget, at(f.dead, 100))
		return err
	}, "--webhook-bind-address", webhook, "--cert-dir", dir)
}

// open waits until the webhook answers with a copy.
func (d door) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return rig.Until(ctx, "the webhook", 200*time.Millisecond, func() (bool, string) {
		r, err := d.review(ctx, "/mutate-pods", 0, http.StatusOK)
		if err != nil {
			return false, err.Error()
		}
		return len(r.Patch) > 0, "no copy is known yet"
	})
}

// forgotten waits until enough of the images from one to another were not looked at for a while.
func (d door) forgotten(ctx context.Context, from, to int) (out []int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*believed)
	defer cancel()
	err = rig.Until(ctx, "copies not to have been looked at for a while", 5*time.Second, func() (bool, string) {
		items, err := d.w.list(ctx, records)
		if err != nil {
			return false, err.Error()
		}
		seen := map[string]time.Time{}
		for i := range items {
			origin, _, _ := unstructured.NestedString(items[i].Object, "spec", "origin")
			at, _, _ := unstructured.NestedString(items[i].Object, "status", "lastVerified")
			seen[origin], _ = time.Parse(time.RFC3339, at)
		}
		out = nil
		for i := from; i < to; i++ {
			if time.Since(seen[d.w.source.image(i)]) > believed {
				out = append(out, i)
			}
		}
		return len(out) >= dead, fmt.Sprintf("%d of %d", len(out), dead)
	})
	return out, err
}

// ask asks about pods of the first images, and wants a copy for each.
func (d door) ask(ctx context.Context, times, images int) ([]float64, error) {
	return d.times(ctx, times, "/mutate-pods", func(i int) int { return i % images }, http.StatusOK)
}

// times are the milliseconds that answers took, sorted; several are asked for at once.
func (d door) times(ctx context.Context, n int, path string, image func(i int) int, want int) ([]float64, error) {
	took, mu := make([]float64, 0, n), sync.Mutex{}
	err := each(n, func(i int) error {
		if image != nil {
			i = image(i)
		}
		began := time.Now()
		_, err := d.review(ctx, path, i, want)
		ms := float64(time.Since(began).Microseconds()) / 1000
		mu.Lock()
		defer mu.Unlock()
		took = append(took, ms)
		return err
	})
	slices.Sort(took)
	return took, err
}

// review asks about one pod of an image.
func (d door) review(ctx context.Context, path string, image, want int) (*admissionv1.AdmissionResponse, error) {
	pod := corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "new"}, Spec: d.w.spec(image)}
	raw, err := json.Marshal(pod)
	if err != nil {
		return nil, fmt.Errorf("encoding a pod: %w", err)
	}
	question, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "a", Kind: metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}, Resource: metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
			Namespace: namespace, Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: raw},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding a review: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+webhook+path, bytes.NewReader(question))
	if err != nil {
		return nil, fmt.Errorf("asking the webhook: %w", err)
	}
	resp, err := d.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the webhook: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer := admissionv1.AdmissionReview{Response: &admissionv1.AdmissionResponse{}}
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	if err == nil && want == http.StatusOK {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the webhook: %w", err)
	}
	return answer.Response, nil
}

// certificate writes one for the webhook, and says what to trust.
func certificate(dir string) (string, *x509.CertPool, error) {
	crt, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	if err != nil {
		return "", nil, fmt.Errorf("making a certificate: %w", err)
	}
	dir = filepath.Join(dir, "webhook")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, fmt.Errorf("making a certificate: %w", err)
	}
	for name, pem := range map[string][]byte{"tls.crt": crt, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), pem, 0o600); err != nil {
			return "", nil, fmt.Errorf("making a certificate: %w", err)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(crt)
	return dir, roots, nil
}

// at is what so many percent stay under, of sorted figures.
func at(sorted []float64, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}
