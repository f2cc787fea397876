// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// ParsePace reads bytes a second, such as 2Mi; "off" is as fast as it goes, 0.
func ParsePace(s string) (int64, error) {
	if s == "off" {
		return 0, nil
	}
	q, err := resource.ParseQuantity(s)
	if err != nil || q.Value() < 1 {
		return 0, fmt.Errorf(`pace %q: want bytes a second, for example 2Mi, or "off"`, s)
	}
	return q.Value(), nil
}

// paced is an answer that takes as long as it would from far away.
type paced struct {
	http.ResponseWriter
	ctx  context.Context // the request's, as the writer is
	pace int64           // bytes a second
}

// tick is how often something of an answer arrives.
const tick = 50 * time.Millisecond

func (p paced) Write(b []byte) (int, error) {
	done, share := 0, max(1, int(p.pace*int64(tick)/int64(time.Second)))
	for done < len(b) {
		part := b[done:min(len(b), done+share)]
		n, err := p.ResponseWriter.Write(part)
		done += n
		if err != nil {
			return done, err
		}
		_ = http.NewResponseController(p.ResponseWriter).Flush()
		wait := time.NewTimer(time.Duration(int64(len(part)) * int64(time.Second) / p.pace))
		select {
		case <-wait.C:
		case <-p.ctx.Done():
			wait.Stop()
			return done, p.ctx.Err()
		}
	}
	return done, nil
}
