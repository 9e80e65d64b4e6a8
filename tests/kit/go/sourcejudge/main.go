// Says what Flux makes of ignore rules and of archives, for tests of engine/source.
//
// Reads questions from standard input and writes as many answers to standard output, each a JSON value behind its
// length (4 bytes, big-endian). A question is one of:
//
//	{paths, files, own}   which files stay out of the artifact; `files` are .sourceignore texts by folder, `own` is
//	                      spec.ignore. The answer is {out}
//	{archive, folder}     extract an archive into a folder that is there
//	{tree}                an archive of a folder, as {archive}
//
// Archives and texts of rules are base64. What fails is {error}.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
	"github.com/fluxcd/pkg/tar"
)

type question struct {
	Paths   []string          `json:"paths"`
	Files   map[string][]byte `json:"files"`
	Own     []byte            `json:"own"`
	Archive []byte            `json:"archive"`
	Folder  string            `json:"folder"`
	Tree    string            `json:"tree"`
}

type answer struct {
	Out     []string `json:"out"`
	Archive []byte   `json:"archive"`
	Error   string   `json:"error"`
}

var root = []string{"", "root"}

func judge(asked question) (answer, error) {
	switch {
	case asked.Archive != nil:
		return answer{}, tar.Untar(bytes.NewReader(asked.Archive), asked.Folder, tar.WithSkipSymlinks())
	case asked.Tree != "":
		var made bytes.Buffer
		_, err := tar.Tar(asked.Tree, &made)
		return answer{Archive: made.Bytes()}, err
	}
	// The rest is what the source-controller does between a checkout and its archive: LoadIgnorePatterns walks the
	// folders in the order of their names, the root first; SourceIgnoreFilter takes the defaults when there is nothing.
	folders := make([]string, 0, len(asked.Files))
	for folder := range asked.Files {
		folders = append(folders, folder)
	}
	sort.Slice(folders, func(i, j int) bool {
		return strings.ReplaceAll(folders[i], "/", "\x00") < strings.ReplaceAll(folders[j], "/", "\x00")
	})
	var patterns []gitignore.Pattern
	for _, folder := range folders {
		domain := append([]string{}, root...)
		if folder != "" {
			domain = append(domain, strings.Split(folder, "/")...)
		}
		patterns = append(patterns, sourceignore.ReadPatterns(bytes.NewReader(asked.Files[folder]), domain)...)
	}
	patterns = append(patterns, sourceignore.ReadPatterns(bytes.NewReader(asked.Own), root)...)
	matcher := sourceignore.NewDefaultMatcher(patterns, root)
	if len(patterns) > 0 {
		matcher = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(root), patterns...))
	}
	said := answer{Out: []string{}}
	for _, path := range asked.Paths {
		if matcher.Match(append(append([]string{}, root...), strings.Split(path, "/")...), false) {
			said.Out = append(said.Out, path)
		}
	}
	return said, nil
}

func safely(asked question) (said answer, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	return judge(asked)
}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		var size uint32
		if binary.Read(in, binary.BigEndian, &size) != nil {
			return
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(in, text); err != nil {
			return
		}
		var asked question
		err := json.Unmarshal(text, &asked)
		var said answer
		if err == nil {
			said, err = safely(asked)
		}
		if err != nil {
			said = answer{Error: err.Error()}
		}
		made, _ := json.Marshal(said)
		_ = binary.Write(out, binary.BigEndian, uint32(len(made)))
		_, _ = out.Write(made)
		_ = out.Flush()
	}
}
