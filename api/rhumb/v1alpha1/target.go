// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// ImageCloneTarget is the registry that copies are for.
//
// +kubebuilder:validation:XValidation:rule="has(self.template) == (has(self.naming) && self.naming == 'Template')",message="template goes with naming: Template, and naming: Template with a template such as {host}/{path}"
type ImageCloneTarget struct {
	// PullName is what stands in front of the copies' names in manifests: the registry as nodes reach it, with its port, and
	// a path if the copies are not to lie at its top: registry.example.com/mirror
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:XValidation:rule="!self.contains('://')",message="pullName takes no scheme: write host[:port][/path], and insecure: true for plain HTTP"
	// +kubebuilder:validation:XValidation:rule="!self.contains('@')",message="pullName takes no digest: write host[:port][/path]; copies have the digests of their images"
	// +kubebuilder:validation:XValidation:rule="self.contains('://') || self.contains('@') || !self.matches('/.*:')",message="pullName takes no tag: write host[:port][/path]; copies have the tags of their images"
	// +kubebuilder:validation:XValidation:rule="self.contains('://') || self.contains('@') || self.matches('/.*:') || self.matches('^([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?|\\\\[[0-9a-fA-F:.]+\\\\])(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$')",message="pullName is host[:port][/path], such as registry.example.com:5000/mirror: the path in small letters, without a slash at its end"
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^/]*[.:]') || self == 'localhost' || self.startsWith('localhost/')",message="pullName begins with a host, which has a dot or a port: anything else would be a name on Docker Hub"
	PullName string `json:"pullName"`
	// PushEndpoint is where the same registry is reached by Rhumb, host[:port], if not at the host of pullName. It has the
	// same repositories; only the address differs.
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?|\\\\[[0-9a-fA-F:.]+\\\\])(:[0-9]{1,5})?$')",message="pushEndpoint is host[:port], such as registry.internal:5000: without a scheme, and without a path, which is that of pullName"
	// +optional
	PushEndpoint string `json:"pushEndpoint,omitempty"`
	// Naming says how a copy is called below pullName. HostPath keeps the image's registry and path, so that two images
	// never meet: docker.io/library/nginx. Flat leaves Docker Hub and its library/ out, as short names do: nginx. Hashed is
	// a short readable name with a hash, for registries that allow no deep paths. Template is as spec.target.template says.
	// +kubebuilder:default=HostPath
	// +optional
	Naming ImageCloneNaming `json:"naming,omitempty"`
	// Template is how a copy is called below pullName with naming: Template. {host} stands for the image's registry, {path}
	// for its path, {hash} for a hash of both; the tag stays. Two images that get the same name are in each other's way.
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9._/{}-]*$') && (self.contains('{path}') || self.contains('{hash}'))",message="template has small letters, digits, . _ - / and {host}, {path} and {hash}, of which one of the last two has to be there: {host}/{path}"
	// +optional
	Template string `json:"template,omitempty"`
	// Insecure is plain HTTP, credentials included. It is for a registry that is named, and not for "*".
	// +optional
	Insecure bool `json:"insecure,omitempty"`
	// CASecretRef names a Secret with the authorities to trust for this registry, besides the system's. Of several policies
	// that name one registry the first is heard.
	// +optional
	CASecretRef *CASecretReference `json:"caSecretRef,omitempty"`
	// Push is how Rhumb writes there.
	// +optional
	Push ImageClonePush `json:"push,omitzero"`
	// Pull is how pods read there.
	// +optional
	Pull ImageClonePull `json:"pull,omitzero"`
}

// ImageCloneNaming says how copies are called.
//
// +kubebuilder:validation:Enum=HostPath;Flat;Hashed;Template
type ImageCloneNaming string

// How copies are called.
const (
	NamingHostPath ImageCloneNaming = "HostPath"
	NamingFlat     ImageCloneNaming = "Flat"
	NamingHashed   ImageCloneNaming = "Hashed"
	NamingTemplate ImageCloneNaming = "Template"
)

// ImageClonePush is how Rhumb writes to the target.
type ImageClonePush struct {
	// Auth is who Rhumb is there. Without it the controller's own credentials are tried.
	// +optional
	Auth *RegistryAuth `json:"auth,omitempty"`
	// CreateRepositories makes a copy's repository on Amazon ECR, where it has to be there before it is pushed to. It takes
	// the identity that the controller runs under in AWS, with the right ecr:CreateRepository, whatever auth says.
	// +optional
	CreateRepositories bool `json:"createRepositories,omitempty"`
}

// ImageClonePull is how pods read from the target.
//
// +kubebuilder:validation:XValidation:rule="!has(self.inject) || !self.inject || has(self.auth)",message="inject needs auth.secretRef: name the Secret that is to be copied to the namespaces"
type ImageClonePull struct {
	// Auth names the Secret that is added to the imagePullSecrets of whoever uses a copy. Those that are there stay.
	// +optional
	Auth *PullAuth `json:"auth,omitempty"`
	// Inject copies that Secret from Rhumb's namespace to the namespaces that need it, under the same name. The copies go
	// with the policy. A Secret that is there and not such a copy is left as it is. Without inject each namespace has its
	// own. The controller needs the ClusterRole rhumb-image-pull-secret-injection for it, which nobody has by itself.
	// +optional
	Inject bool `json:"inject,omitempty"`
}

// PullAuth names a pull secret.
type PullAuth struct {
	// SecretRef names a Secret of type kubernetes.io/dockerconfigjson.
	SecretRef SecretReference `json:"secretRef"`
}

// RegistryAuth is who Rhumb is to a registry: by a Secret, or by the cloud it runs in.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.secretRef) && has(self.provider))",message="auth has both secretRef and provider: keep the one that is meant"
// +kubebuilder:validation:XValidation:rule="has(self.secretRef) || has(self.provider)",message="auth has neither secretRef nor provider: name one, or leave auth out for the controller's own credentials"
type RegistryAuth struct {
	// SecretRef names a Secret of Rhumb's namespace, of type kubernetes.io/dockerconfigjson or kubernetes.io/basic-auth.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
	// Provider is the cloud whose identity Rhumb runs under: the controller's own credentials for it are tried, which its flag
	// --keychains must not leave out.
	// +optional
	Provider RegistryProvider `json:"provider,omitempty"`
}

// RegistryProvider is a cloud that gives programs an identity.
//
// +kubebuilder:validation:Enum=aws;gcp;azure
type RegistryProvider string

// The clouds that are known.
const (
	ProviderAWS   RegistryProvider = "aws"
	ProviderGCP   RegistryProvider = "gcp"
	ProviderAzure RegistryProvider = "azure"
)

// SecretReference names a Secret of Rhumb's own namespace. There is no way to name one of another.
type SecretReference struct {
	// Name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",message="a Secret's name has small letters, digits, - and ., and begins and ends with a letter or digit"
	Name string `json:"name"`
}

// CASecretReference names a Secret of Rhumb's own namespace with certificates in it.
type CASecretReference struct {
	// Name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",message="a Secret's name has small letters, digits, - and ., and begins and ends with a letter or digit"
	Name string `json:"name"`
	// Key of the Secret that holds the certificates, as PEM.
	// +kubebuilder:default="ca.crt"
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Key string `json:"key,omitempty"`
}

// ImageCloneSource says how a registry that images come from is reached.
//
// +kubebuilder:validation:XValidation:rule="self.host != '*' || !has(self.insecure) || !self.insecure",fieldPath=".insecure",message="insecure is for a registry that is named: write an entry for each one that speaks plain HTTP"
type ImageCloneSource struct {
	// Host of the registry as images name it, with its port; docker.io is Docker Hub. "*" is every host that has no entry.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:XValidation:rule="self == '*' || self.matches('^([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?|\\\\[[0-9a-fA-F:.]+\\\\])(:[0-9]{1,5})?$')",message="host is host[:port] as images name it, or * for all others: without a scheme and without a path"
	Host string `json:"host"`
	// Auth is who Rhumb is there. Without it the controller's own credentials are tried.
	// +optional
	Auth *RegistryAuth `json:"auth,omitempty"`
	// Insecure is plain HTTP, credentials included.
	// +optional
	Insecure bool `json:"insecure,omitempty"`
	// CASecretRef names a Secret with the authorities to trust for this registry, besides the system's.
	// +optional
	CASecretRef *CASecretReference `json:"caSecretRef,omitempty"`
	// MinRemaining is how many pulls of the registry's quota are left to others, the most that a policy says: below it
	// manifests are not fetched until the quota is renewed. 0 uses all of it. It means something where the registry tells its quota, as Docker Hub does.
	// +kubebuilder:validation:Minimum=0
	// +optional
	MinRemaining int32 `json:"minRemaining,omitempty"`
	// RequestsPerSecond is how many requests the registry gets in a second, of all policies together: the lowest that one
	// of them says. 0 leaves it to the controller, which makes 50.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	// +optional
	RequestsPerSecond int32 `json:"requestsPerSecond,omitempty"`
	// UsePodPullSecrets tries the pull secrets of the pods that use an image, and of their service accounts. The controller
	// needs the ClusterRole rhumb-image-pull-secrets for it.
	// +optional
	UsePodPullSecrets bool `json:"usePodPullSecrets,omitempty"`
}
