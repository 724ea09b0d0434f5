// Package schema checks a step's config against the JSON Schema of an action and
// says what is wrong in words for the person who wrote it: "unknown key, did you
// mean", "expected a text, got a number".
//
// It exists because every connector's process checks configs, and so must load in
// no time: a general validator that prepares the meta-schemas when it is imported
// costs more than the rest of a connector's start. It has what config schemas are
// made of (draft 2020-12 without contains, unevaluated*, dynamic and remote
// references); a schema that needs more is refused by Compile, never half checked.
package schema
