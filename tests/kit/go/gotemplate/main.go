// Command gotemplate renders templates as the Sealed Secrets controller does: text/template with the functions of sprig
// that the controller leaves in.
//
// Questions come on standard input, answers go to standard output, each a big-endian 32-bit length and that many bytes
// of JSON. A question is {"template"} with "strings", a map[string]string as in a SealedSecret, or "json", data as
// encoding/json reads them; template, strings and output are base64, because templates work on bytes. An answer is
// {"output"} or {"error"} with the engine's own text, which only a person reads.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

type question struct {
	Template []byte            `json:"template"`
	Strings  map[string][]byte `json:"strings"`
	JSON     json.RawMessage   `json:"json"`
	Plain    bool              `json:"plain"`
}

type answer struct {
	Output []byte `json:"output,omitempty"`
	Error  string `json:"error,omitempty"`
}

func main() {
	time.Local = time.UTC
	functions := sprig.GenericFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(functions, name)
	}
	if len(os.Args) > 1 { // any argument: say which functions there are
		names := []string{}
		for name := range functions {
			names = append(names, name)
		}
		check(json.NewEncoder(os.Stdout).Encode(names))
		return
	}
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		var size uint32
		if err := binary.Read(in, binary.BigEndian, &size); err == io.EOF {
			check(out.Flush())
			return
		} else {
			check(err)
		}
		text := make([]byte, size)
		_, err := io.ReadFull(in, text)
		check(err)
		var asked question
		check(json.Unmarshal(text, &asked))
		said, err := json.Marshal(render(asked, functions))
		check(err)
		check(binary.Write(out, binary.BigEndian, uint32(len(said))))
		_, err = out.Write(said)
		check(err)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotemplate:", err)
		os.Exit(1)
	}
}

// render answers one question. Plain ones get text/template without sprig, where its `slice` hides nothing.
func render(asked question, functions template.FuncMap) (said answer) {
	defer func() {
		if problem := recover(); problem != nil {
			said = answer{Error: fmt.Sprintf("panic: %v", problem)}
		}
	}()
	if asked.Plain {
		functions = nil
	}
	var data any
	if asked.Strings != nil {
		texts := map[string]string{}
		for key, value := range asked.Strings {
			texts[key] = string(value)
		}
		data = texts
	} else if asked.JSON != nil {
		check(json.Unmarshal(asked.JSON, &data))
	}
	parsed, err := template.New("t").Funcs(functions).Parse(string(asked.Template))
	if err != nil {
		return answer{Error: err.Error()}
	}
	var output bytes.Buffer
	if err := parsed.Execute(&output, data); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Output: output.Bytes()}
}
