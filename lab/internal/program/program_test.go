// SPDX-License-Identifier: Apache-2.0

package program

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/pflag"
)

func TestMainTellsHowItEnded(t *testing.T) {
	for name, c := range map[string]struct {
		why  string
		args []string
		run  func(context.Context) error
		want int
	}{
		"Stopped": {"who is told to stop has done well", nil, func(ctx context.Context) error {
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		}, 0},
		"Failed":  {"an error", nil, func(context.Context) error { return errors.New("no") }, 1},
		"Unknown": {"a flag that there is not", []string{"--nosuch"}, func(context.Context) error { return nil }, 2},
	} {
		if got := Main(pflag.NewFlagSet(name, pflag.ContinueOnError), c.args, c.run); got != c.want {
			t.Errorf("%s: %s: %d, want %d", name, c.why, got, c.want)
		}
	}
}

func TestServe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := taken.Addr().String()
	err = Serve(t.Context(), "the test", &http.Server{}, address)
	if err == nil || !strings.Contains(err.Error(), "opening the port of the test") {
		t.Errorf("a port that is taken: %v", err)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(t.Context())
	asked, ended := make(chan struct{}), make(chan error, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-ctx.Done()
		_, _ = io.WriteString(w, "in time")
	})}
	go func() { ended <- Serve(ctx, "the test", server, address) }()
	go func() {
		<-asked
		stop()
	}()
	var resp *http.Response
	for resp == nil {
		resp, err = http.Get("http://" + address)
		if err != nil && t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "in time" {
		t.Errorf("who was being served when it was told to stop got %q, %v", body, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
