// Says what Flux makes of the health of an object, for tests of engine/health.
//
// Reads questions from standard input and writes as many answers to standard output, each a JSON value behind its
// length (4 bytes, big-endian). A question has `object`, and one of:
//
//	nothing more     kstatus, with Flux's own rule for Jobs
//	`expressions`    {current, failed, inProgress}: the health expressions of a Kustomization
//	`ready`          the readiness expression of a dependency, with `object` for dep and `self`
//
// An answer is {status, message} or {error}; of `ready`, the status is "true" or "false".
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"github.com/fluxcd/pkg/runtime/statusreaders"
	celtypes "github.com/google/cel-go/common/types"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

type question struct {
	Object      json.RawMessage                   `json:"object"`
	Self        json.RawMessage                   `json:"self"`
	Expressions *kustomize.HealthCheckExpressions `json:"expressions"`
	Ready       string                            `json:"ready"`
}

type answer struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Error   string `json:"error"`
}

// Numbers become int64 or float64, as they do in what a client of Kubernetes reads.
func object(text json.RawMessage) (map[string]any, error) {
	read := map[string]any{}
	return read, utiljson.Unmarshal(text, &read)
}

func judge(asked question) (said answer, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	content, err := object(asked.Object)
	if err != nil {
		return said, err
	}
	whole := &unstructured.Unstructured{Object: content}
	if asked.Ready != "" {
		return ready(asked, content)
	}
	var result *status.Result
	kind := whole.GroupVersionKind().GroupKind()
	switch {
	case asked.Expressions != nil:
		evaluator, err := cel.NewStatusEvaluator(asked.Expressions)
		if err != nil {
			return said, err
		}
		result, err = evaluator.Evaluate(context.Background(), whole)
		if err != nil {
			return said, err
		}
	case kind.Group == "batch" && kind.Kind == "Job":
		computed := statusreaders.ComputeJobStatus(whole)
		result = &computed
	default:
		result, err = status.Compute(whole)
		if err != nil {
			return said, err
		}
	}
	return answer{Status: string(result.Status), Message: result.Message}, nil
}

func ready(asked question, dep map[string]any) (answer, error) {
	self, err := object(asked.Self)
	if err != nil {
		return answer{}, err
	}
	expression, err := cel.NewExpression(asked.Ready,
		cel.WithCompile(), cel.WithOutputType(celtypes.BoolType), cel.WithStructVariables("self", "dep"))
	if err != nil {
		return answer{}, err
	}
	said, err := expression.EvaluateBoolean(context.Background(), map[string]any{"self": self, "dep": dep})
	return answer{Status: fmt.Sprint(said)}, err
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
		if err != nil {
			said = answer{Error: err.Error()}
		}
		told, err := json.Marshal(said)
		if err != nil {
			panic(err)
		}
		if err := binary.Write(output, binary.BigEndian, uint32(len(told))); err != nil {
			panic(err)
		}
		if _, err := output.Write(told); err != nil {
			panic(err)
		}
	}
}
