// Command sopsyaml says what the YAML store of SOPS makes of a document.
//
// Questions come on standard input, answers go to standard output, both as one byte, a big-endian 32-bit length and
// that many bytes. The byte of a question is what is asked:
//
//	'T'  YAML to the tree that the store reads, as JSON
//	'P'  YAML read and written again
//	'W'  a tree as JSON, written; `indent` is 0 for the store's own
//
// The byte of an answer is '+' with the text, or '-' with the error. In JSON every value is an object with one member,
// named after its kind; text is base64, because documents carry bytes that are no UTF-8.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/stores/yaml"
)

type object = map[string]any

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
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
		mark := byte('+')
		answer, err := judge(head[0], text)
		if err != nil {
			mark, answer = '-', []byte(err.Error())
		}
		head[0] = mark
		binary.BigEndian.PutUint32(head[1:], uint32(len(answer)))
		out.Write(head[:])
		out.Write(answer)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "sopsyaml:", err)
	os.Exit(1)
}

// judge answers one question. A panic of the store counts as its refusal, so that one odd document does not end the run.
func judge(question byte, text []byte) (answer []byte, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("panic: %v", problem)
		}
	}()
	store := yaml.NewStore(&config.YAMLStoreConfig{})
	switch question {
	case 'T':
		branches, err := store.LoadPlainFile(text)
		if err != nil {
			return nil, err
		}
		told := make([]any, 0, len(branches))
		for _, branch := range branches {
			told = append(told, tell(branch))
		}
		return json.Marshal(told)
	case 'P':
		branches, err := store.LoadPlainFile(text)
		if err != nil {
			return nil, err
		}
		return store.EmitPlainFile(branches)
	case 'W':
		var asked struct {
			Indent   int
			Branches []object
		}
		if err := json.Unmarshal(text, &asked); err != nil {
			return nil, err
		}
		var branches sops.TreeBranches
		for _, branch := range asked.Branches {
			branches = append(branches, heard(branch).(sops.TreeBranch))
		}
		return yaml.NewStore(&config.YAMLStoreConfig{Indent: asked.Indent}).EmitPlainFile(branches)
	}
	return nil, fmt.Errorf("unknown question %q", question)
}

// tell turns a value of the tree into what JSON carries without loss.
func tell(value any) any {
	switch value := value.(type) {
	case sops.TreeBranch:
		items := make([]any, 0, len(value))
		for _, item := range value {
			items = append(items, []any{tell(item.Key), tell(item.Value)})
		}
		return object{"branch": items}
	case []any:
		items := make([]any, 0, len(value))
		for _, item := range value {
			items = append(items, tell(item))
		}
		return object{"list": items}
	case sops.Comment:
		return object{"comment": []any{encoded(value.Value), value.Inline}}
	case string:
		return object{"str": encoded(value)}
	case int:
		return object{"int": strconv.Itoa(value)}
	case float64:
		return object{"float": strconv.FormatFloat(value, 'g', -1, 64)}
	case bool:
		return object{"bool": value}
	case time.Time:
		return object{"time": value.Format(time.RFC3339Nano)}
	case nil:
		return object{"null": true}
	}
	return object{"odd": fmt.Sprintf("%T", value)}
}

// heard is the way back from what tell gives.
func heard(told object) any {
	for kind, content := range told {
		switch kind {
		case "branch":
			branch := sops.TreeBranch{}
			for _, item := range content.([]any) {
				pair := item.([]any)
				key, value := heard(pair[0].(object)), heard(pair[1].(object))
				branch = append(branch, sops.TreeItem{Key: key, Value: value})
			}
			return branch
		case "list":
			list := []any{}
			for _, item := range content.([]any) {
				list = append(list, heard(item.(object)))
			}
			return list
		case "comment":
			pair := content.([]any)
			return sops.Comment{Value: decoded(pair[0].(string)), Inline: pair[1].(bool)}
		case "str":
			return decoded(content.(string))
		case "int":
			value, err := strconv.Atoi(content.(string))
			must(err)
			return value
		case "float":
			value, err := strconv.ParseFloat(content.(string), 64)
			must(err)
			return value
		case "bool":
			return content.(bool)
		case "time":
			value, err := time.Parse(time.RFC3339Nano, content.(string))
			must(err)
			return value
		case "null":
			return nil
		}
	}
	panic("no value that a tree holds")
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func decoded(text string) string {
	data, err := base64.StdEncoding.DecodeString(text)
	must(err)
	return string(data)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
