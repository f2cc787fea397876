// SPDX-License-Identifier: Apache-2.0

package component

import (
	"context"
	"fmt"
	"os"
	"slices"
	_ "time/tzdata" // time zones for CronJobs

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // version metric
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubectl's ways to log in
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	"rhumb.run/rhumb/lab/internal/front"
	"rhumb.run/rhumb/lab/internal/git"
	"rhumb.run/rhumb/lab/internal/hub"
	"rhumb.run/rhumb/lab/internal/registry"
	"rhumb.run/rhumb/lab/internal/volume"
)

// commands are the programs that live in this one.
var commands = map[string]func(args []string) int{
	"etcd":                    func(args []string) int { etcdmain.Main(append([]string{"etcd"}, args...)); return 0 },
	"kube-apiserver":          cobraMain(func() *cobra.Command { return apiserver.NewAPIServerCommand() }),
	"kube-controller-manager": cobraMain(controllers.NewControllerManagerCommand),
	"kube-scheduler":          cobraMain(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kubelet":                 cobraMain(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }),
	"kube-proxy":              cobraMain(proxy.NewProxyCommand),
	"kubectl":                 kubectlMain,
	"registry":                registry.Main,
	"git":                     git.Main,
	"front":                   front.Main,
	"hub":                     hub.Main,
	"volumes":                 volume.Main,
}

// Names lists the programs.
func Names() []string {
	var names []string
	for n := range commands {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Run is the main function of the named program; it returns its exit code.
func Run(name string, args []string) int {
	f, ok := commands[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no component %q; there are %v\n", name, Names())
		return 2
	}
	os.Args = append([]string{name}, args...)
	return f(args)
}

func cobraMain(build func() *cobra.Command) func([]string) int {
	return func(args []string) int {
		cmd := build()
		cmd.SetArgs(args)
		return cli.Run(cmd)
	}
}

// kubectlMain does what kubectl's own main does: verbosity first, since the
// command's construction logs already.
func kubectlMain([]string) int {
	if _, err := logs.GlogSetter(kubectl.GetLogVerbosity(os.Args)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
	return 0
}
