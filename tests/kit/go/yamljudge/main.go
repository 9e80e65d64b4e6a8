// Command yamljudge says what the YAML libraries of the Kubernetes tools make of a document.
//
// Questions come on standard input, answers go to standard output, both as one byte, a big-endian 32-bit length and
// that many bytes. The byte of a question is what is asked:
//
//	'2'  YAML to JSON as kubectl and kubeseal convert it (sigs.k8s.io/yaml)
//	'S'  the same, refusing duplicate keys
//	'3'  YAML to JSON over yaml.v3, the library of kustomize and SOPS
//	'M'  JSON to YAML as `kubeseal -o yaml` writes it (sigs.k8s.io/yaml)
//	'J'  JSON as `kubeseal -o json` indents it (encoding/json), numbers as float64
//
// The byte of an answer is '+' with the text, or '-' with the library's error.
package main

import (
	"bufio"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	v3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	var head [5]byte
	for {
		if _, err := io.ReadFull(in, head[:]); err == io.EOF {
			return
		} else if err != nil {
			fail(err)
		}
		text := make([]byte, binary.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(in, text); err != nil {
			fail(err)
		}
		mark, answer := byte('+'), []byte(nil)
		answer, err := judge(head[0], text)
		if err != nil {
			mark, answer = '-', []byte(err.Error())
		}
		head[0] = mark
		binary.BigEndian.PutUint32(head[1:], uint32(len(answer)))
		out.Write(head[:])
		out.Write(answer)
		if err := out.Flush(); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "yamljudge:", err)
	os.Exit(1)
}

// judge answers one question. A panic of a library counts as its refusal, so that one odd document does not end the run.
func judge(question byte, text []byte) (answer []byte, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("panic: %v", problem)
		}
	}()
	switch question {
	case '2':
		return yaml.YAMLToJSON(text)
	case 'S':
		return yaml.YAMLToJSONStrict(text)
	case '3':
		var value any
		if err := v3.Unmarshal(text, &value); err != nil {
			return nil, err
		}
		if value, err = jsonable(value); err != nil {
			return nil, err
		}
		return json.Marshal(value)
	case 'M':
		return yaml.JSONToYAML(text)
	case 'J':
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			return nil, err
		}
		return json.MarshalIndent(value, "", "  ")
	}
	return nil, fmt.Errorf("unknown question %q", question)
}

// jsonable turns the keys of maps into strings by the rules of sigs.k8s.io/yaml; yaml.v3 itself leaves that to its users.
func jsonable(value any) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		for key, item := range value {
			converted, err := jsonable(item)
			if err != nil {
				return nil, err
			}
			value[key] = converted
		}
		return value, nil
	case map[any]any:
		result := make(map[string]any, len(value))
		for key, item := range value {
			name, err := keyText(key)
			if err != nil {
				return nil, err
			}
			if _, taken := result[name]; taken {
				return nil, fmt.Errorf("two keys become %q", name)
			}
			if result[name], err = jsonable(item); err != nil {
				return nil, err
			}
		}
		return result, nil
	case []any:
		for index, item := range value {
			converted, err := jsonable(item)
			if err != nil {
				return nil, err
			}
			value[index] = converted
		}
		return value, nil
	}
	return value, nil
}

func keyText(key any) (string, error) {
	switch key := key.(type) {
	case string:
		return key, nil
	case int:
		return strconv.Itoa(key), nil
	case bool:
		return strconv.FormatBool(key), nil
	case encoding.TextMarshaler: // a timestamp; encoding/json treats such keys so
		text, err := key.MarshalText()
		return string(text), err
	case float64:
		switch text := strconv.FormatFloat(key, 'g', -1, 32); text {
		case "+Inf":
			return ".inf", nil
		case "-Inf":
			return "-.inf", nil
		case "NaN":
			return ".nan", nil
		default:
			return text, nil
		}
	}
	return "", fmt.Errorf("unsupported map key of type %T", key)
}
