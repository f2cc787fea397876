// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/paper"
)

// maxFetched is what is read of a URL: no workload is larger.
const maxFetched = 1 << 20

// readWorkload reads the one workload that a file, a URL or standard input has.
func readWorkload(ctx context.Context, io *streams, from string) (*v1alpha1.Workload, error) {
	docs, err := readDocuments(ctx, io, from)
	if err != nil {
		return nil, err
	}
	var found []*v1alpha1.Workload
	for _, d := range docs {
		if d.Object == nil || d.Object.GetKind() != "Workload" || d.Object.GroupVersionKind().GroupVersion() != v1alpha1.SchemeGroupVersion {
			continue
		}
		w := &v1alpha1.Workload{}
		if err := d.Into(w); err != nil {
			return nil, err
		}
		found = append(found, w)
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%s has %d workloads of %s, not one", from, len(found), v1alpha1.SchemeGroupVersion)
	}
	return found[0], nil
}

func readDocuments(ctx context.Context, io *streams, from string) ([]*paper.Document, error) {
	if strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://") {
		text, err := fetch(ctx, from)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", from, err)
		}
		return paper.Parse(from, text)
	}
	return (&paper.Reader{In: io.in}).Read(from)
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s", answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxFetched+1))
	if err == nil && len(text) > maxFetched {
		err = fmt.Errorf("more than %d KiB", maxFetched>>10)
	}
	return text, err
}
