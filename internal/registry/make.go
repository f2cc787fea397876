// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
	"github.com/awslabs/amazon-ecr-credential-helper/ecr-login/api"

	"rhumb.run/rhumb/internal/core/image"
)

const (
	makeTimeout = 30 * time.Second
	makeFirst   = "make the repository there first; on Amazon ECR spec.target.push.createRepositories lets it be made"
)

// maker makes repositories that a registry wants to have before they are pushed to.
type maker interface {
	MakeRepository(ctx context.Context, host, repository string) error
}

// nowhere is true of a target that does not know the repository that it was to be pushed to.
func nowhere(err error) bool {
	f, ok := errors.AsType[*CopyFailure](err)
	return ok && !f.Source && f.Reason == image.ReasonPushRejected && unknownName(f.Failure)
}

// unknownName is true of an answer that says that there is no such repository: other things are answered by 404, too.
func unknownName(f *image.Failure) bool {
	return f.Code == http.StatusNotFound && strings.Contains(f.Detail, "NAME_UNKNOWN")
}

// make makes the target's repository.
func (r *copying) make(ctx context.Context) error {
	made := errors.New("it is no registry whose repositories can be made from here")
	if m, ok := r.Client.keychain.(maker); ok {
		made = m.MakeRepository(ctx, r.Target.Host, r.Target.Repository)
	}
	if made == nil {
		return nil
	}
	return &CopyFailure{Failure: &image.Failure{
		Reason: image.ReasonPushRejected, Detail: fmt.Sprintf("it has no repository %s, and that could not be made: %v", r.Target.Repository, made),
		Fix: "make it there first, or let the controller's AWS identity do it: ecr:CreateRepository",
	}}
}

// MakeRepository makes a repository on Amazon ECR by the identity that the controller runs under there; that it is there
// already is well. No other registry is known to want it.
func (a *Ambient) MakeRepository(ctx context.Context, host, repository string) error {
	at, err := api.ExtractRegistry(host)
	if err != nil || at.Service != api.ServiceECR {
		return fmt.Errorf("%s is not Amazon ECR, the only registry on which repositories are made", host)
	}
	if !slices.ContainsFunc(a.chain, func(s source) bool { return s.name == KeychainECR }) {
		return errors.New("the controller's own AWS credentials are turned off (--keychains)")
	}
	ctx, cancel := context.WithTimeout(ctx, makeTimeout)
	defer cancel()
	options := []func(*config.LoadOptions) error{config.WithRegion(at.Region)}
	if at.FIPS {
		options = append(options, config.WithUseFIPSEndpoint(aws.FIPSEndpointStateEnabled))
	}
	own, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return fmt.Errorf("finding AWS credentials: %w", err)
	}
	_, err = ecr.NewFromConfig(own).CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: &repository, RegistryId: &at.ID})
	if _, there := errors.AsType[*types.RepositoryAlreadyExistsException](err); err == nil || there {
		return nil
	}
	if said, ok := errors.AsType[smithy.APIError](err); ok { // without the request's number, which differs each time
		return fmt.Errorf("%s: %s", said.ErrorCode(), image.Bound(said.ErrorMessage(), 300))
	}
	return fmt.Errorf("asking Amazon ECR for it: %w", err)
}
