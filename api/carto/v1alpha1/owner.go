// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// OwnerParam is a value that an owner hands to the templates of its blueprint.
type OwnerParam struct {
	// Name under which templates find the value.
	Name string `json:"name"`
	// Value, of any JSON type. It takes the place of the blueprint's default, and of the template's, unless the
	// blueprint forces a value of its own.
	Value JSON `json:"value"`
}

// Source says where code comes from: a git repository or an image, and which folder of it.
type Source struct {
	// Git names a repository and the revision to follow.
	// +optional
	Git *GitSource `json:"git,omitempty"`
	// Image that contains the code, or that is the prebuilt application.
	// +optional
	Image *string `json:"image,omitempty"`
	// SubPath is the folder within the repository or image in which the application lives.
	// +optional
	Subpath *string `json:"subPath,omitempty"`
}

// GitSource is a git repository and the revision to follow.
type GitSource struct {
	// URL of the repository, as git understands it.
	// +optional
	URL *string `json:"url,omitempty"`
	// Ref is the branch, tag or commit to follow.
	// +optional
	Ref *GitRef `json:"ref,omitempty"`
}

// GitRef picks a revision of a repository.
type GitRef struct {
	// Branch whose newest commit is followed.
	// +optional
	Branch *string `json:"branch,omitempty"`
	// Tag to use.
	// +optional
	Tag *string `json:"tag,omitempty"`
	// Commit to stay on.
	// +optional
	Commit *string `json:"commit,omitempty"`
}

// ObjectReference names an object.
type ObjectReference struct {
	// Kind of the object.
	// +optional
	Kind string `json:"kind,omitempty"`
	// Namespace of the object. Empty if it has none, or if it is that of the one who refers.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name of the object.
	// +optional
	Name string `json:"name,omitempty"`
	// APIVersion of the object.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
}
