// Says what Flux's substitution after the build makes of a text or an object, for tests of engine/substitute.py.
//
// Reads questions from standard input and writes as many answers to standard output, each a JSON value behind its
// length (4 bytes, big-endian). A question has `variables`, `strict`, and one of:
//
//	`text`      only the substitution itself; the answer is {text}
//	`object`    an object, as text of JSON or YAML; the answer is {text}, the object as JSON
//
// Texts are base64, since they need not be UTF-8. What fails is {error}.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/pkg/envsubst"
	"github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/provider"
)

type question struct {
	Text      []byte            `json:"text"`
	Object    []byte            `json:"object"`
	Variables map[string]string `json:"variables"`
	Strict    bool              `json:"strict"`
}

type answer struct {
	Text  []byte `json:"text"`
	Error string `json:"error"`
}

func judge(asked question) (said []byte, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	if asked.Object != nil {
		return whole(asked)
	}
	text, err := envsubst.Eval(string(asked.Text), func(name string) (string, bool) {
		value, exists := asked.Variables[name]
		return value, exists || !asked.Strict
	})
	return []byte(text), err
}

func whole(asked question) ([]byte, error) {
	resources, err := provider.NewDefaultDepProvider().GetResourceFactory().SliceFromBytes(asked.Object)
	if err != nil {
		return nil, err
	}
	if len(resources) != 1 {
		return nil, errors.New("not one object")
	}
	substitute := map[string]any{}
	for name, value := range asked.Variables {
		substitute[name] = value
	}
	owner := unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"postBuild": map[string]any{"substitute": substitute}},
	}}
	resource, err := kustomize.SubstituteVariables(context.Background(), nil, owner, resources[0],
		kustomize.SubstituteWithDryRun(true),
		kustomize.SubstituteWithStrict(asked.Strict),
		kustomize.SubstituteWithAlways(true))
	if err != nil {
		return nil, err
	}
	if resource == nil { // the substitution is disabled by a label or an annotation
		resource = resources[0]
	}
	return resource.MarshalJSON()
}

func main() {
	input, output := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		if input.Buffered() == 0 { // whoever asks waits for the answer before asking again
			if err := output.Flush(); err != nil {
				panic(err)
			}
		}
		var size uint32
		if err := binary.Read(input, binary.BigEndian, &size); err != nil {
			return
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(input, text); err != nil {
			panic(err)
		}
		var asked question
		if err := json.Unmarshal(text, &asked); err != nil {
			panic(err)
		}
		said, err := judge(asked)
		var told answer
		if err != nil {
			told.Error = err.Error()
		} else {
			told.Text = said
		}
		encoded, err := json.Marshal(told)
		if err != nil {
			panic(err)
		}
		if err := binary.Write(output, binary.BigEndian, uint32(len(encoded))); err != nil {
			panic(err)
		}
		if _, err := output.Write(encoded); err != nil {
			panic(err)
		}
	}
}
