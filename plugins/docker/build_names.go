package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
)

// maxNames bounds the names of one image.
const maxNames = 100

// tagAlone is a tag without the name of an image.
var tagAlone = regexp.MustCompile(`^\w[\w.-]{0,127}$`)

// imageNames are the whole names that an image is to have, in the order in which
// they were written: image, and its tags. With tags given, image has to have a tag of
// its own to count as one of the names.
func imageNames(image string, tags []string, registry string) ([]string, error) {
	var names []string
	add := func(name, pointer string) error {
		whole, err := wholeName(name, registry)
		if err != nil {
			return invalid(pointer, "write it like my-app, team/app:1.0 or registry.example.com/team/app:1.0, in lower case",
				"%q cannot be the name of an image: %v", name, err)
		}
		if reference.IsNameOnly(whole) {
			whole = reference.TagNameOnly(whole)
		}
		if _, tagged := whole.(reference.NamedTagged); !tagged {
			return invalid(pointer, "name it by a tag", "%q names an image by its digest, which is known only when it is built", name)
		}
		if familiar := reference.FamiliarString(whole); !slices.Contains(names, familiar) {
			names = append(names, familiar)
		}
		return nil
	}
	if len(tags) > maxNames {
		return nil, invalid("/tags", "", "%d tags are too many; %d is the most", len(tags), maxNames)
	}
	repository, tag := cutTag(image)
	if image != "" && (tag != "" || len(tags) == 0) {
		if err := add(image, "/image"); err != nil {
			return nil, err
		}
	}
	for i, name := range tags {
		if image != "" && tagAlone.MatchString(name) {
			name = repository + ":" + name
		}
		if err := add(name, "/tags/"+strconv.Itoa(i)); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// cutTag divides a name at its tag. A colon before a slash is that of a port.
func cutTag(name string) (repository, tag string) {
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		return name[:at], name[at+1:]
	}
	return name, ""
}

// wholeName puts the registry before a name that has none.
func wholeName(name, registry string) (reference.Named, error) {
	if registry != "" && !namesRegistry(name) {
		if _, rest, found := strings.Cut(registry, "://"); found {
			registry = rest
		}
		name = strings.TrimSuffix(registry, "/") + "/" + name
	}
	return reference.ParseNormalizedNamed(name)
}

// namesRegistry reports whether a name begins with a registry, as Docker tells it.
func namesRegistry(name string) bool {
	first, _, found := strings.Cut(name, "/")
	return found && (strings.ContainsAny(first, ".:") || first == "localhost")
}
