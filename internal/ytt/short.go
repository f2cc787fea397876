// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"carvel.dev/ytt/pkg/orderedmap"
	"carvel.dev/ytt/pkg/template"
	"carvel.dev/ytt/pkg/template/core"
	"carvel.dev/ytt/pkg/yamlmeta"
	"carvel.dev/ytt/pkg/yamltemplate"
	"carvel.dev/ytt/pkg/yttlibrary"
	"github.com/k14s/starlark-go/starlark"
	"github.com/k14s/starlark-go/syntax"
)

// How many templates are kept parsed, and how much text they may have in all.
const (
	maxParsed     = 256
	maxParsedText = 8 << 20
)

var (
	// errUnknown says that a template must be sent again.
	errUnknown = errors.New("no such template")
	// errLong says that a template needs all of ytt.
	errLong = errors.New("not evaluated the short way")
)

// parsed are templates by their digest.
type parsed struct {
	templates map[string]*parsedTemplate
	text      int
}

// parsedTemplate is a template that was parsed once, to be evaluated often.
// Compiled is nil if that needs all of ytt.
type parsedTemplate struct {
	text     string
	compiled *compiled
}

func (p *parsed) get(digest, text string) (*parsedTemplate, error) {
	if t, ok := p.templates[digest]; ok {
		return t, nil
	}
	if text == "" {
		return nil, errUnknown
	}
	if p.templates == nil || len(p.templates) >= maxParsed || p.text+len(text) > maxParsedText {
		p.templates, p.text = map[string]*parsedTemplate{}, 0
	}
	t := &parsedTemplate{text, compileShort(text)}
	p.templates[digest], p.text = t, p.text+len(text)
	return t, nil
}

// beyond are the words of annotations that act on more than the document in
// which they stand. A template in which they occur, in whatever meaning, is
// evaluated with all of ytt.
var beyond = []string{"overlay/", "data/values", "library/", "schema/", "assert/"}

// compiled is a template as a program. Ytt would parse the program again for
// each evaluation; instead it is given a stub to evaluate, which hands its
// bindings to the program that was parsed before.
type compiled struct {
	stub    *template.CompiledTemplate
	program *starlark.Program
}

// compileShort parses a template for the short way, if that serves. What goes
// wrong here will go wrong the long way, which has the words for it.
func compileShort(text string) (c *compiled) {
	defer func() {
		if recover() != nil { // how the parser of code says what is wrong with it
			c = nil
		}
	}()
	for _, word := range beyond {
		if strings.Contains(text, word) {
			return nil
		}
	}
	docs, err := yamlmeta.NewDocumentSetFromBytes([]byte(text), yamlmeta.DocSetOpts{AssociatedName: fileName})
	if err != nil || !yamltemplate.HasTemplating(docs) {
		return nil
	}
	stub, err := yamltemplate.NewTemplate(fileName, yamltemplate.TemplateOpts{}).Compile(docs)
	if err != nil {
		return nil
	}
	program, bindings := programOf(stub)
	if program == nil {
		return nil
	}
	makeStub(stub.Code(), bindings)
	prune(docs)
	return &compiled{stub, program}
}

// prune cuts each node of a compiled template off those below it. The program
// copies a node with all below it, to throw that away and add what it makes of
// them one by one.
func prune(node yamlmeta.Node) {
	leaf := true
	for _, value := range node.GetValues() {
		if child, ok := value.(yamlmeta.Node); ok {
			leaf = false
			prune(child)
		}
	}
	if !leaf {
		node.ResetValue()
	}
}

// programOf parses a template's code, as ytt itself does, and names what it is bound to.
func programOf(t *template.CompiledTemplate) (*starlark.Program, []string) {
	prefix, found := strings.CutSuffix(t.Code()[0].Instruction.Op().Name, "set_ctx_type")
	if !found {
		return nil, nil
	}
	op := func(name string) template.InstructionOp { return template.InstructionOp{Name: prefix + name} }
	set := &template.InstructionSet{
		SetCtxType: op("set_ctx_type"), StartCtx: op("start_ctx"), EndCtx: op("end_ctx"),
		StartNodeAnnotation: op("start_node_annotation"), CollectNodeAnnotation: op("collect_node_annotation"),
		StartNode: op("start_node"), SetNode: op("set_node"), SetMapItemKey: op("set_map_item_key"), ReplaceNode: op("replace_node"),
	}
	bindings := []string{
		set.SetCtxType.Name, set.StartCtx.Name, set.EndCtx.Name, set.StartNodeAnnotation.Name,
		set.CollectNodeAnnotation.Name, set.StartNode.Name, set.SetNode.Name, set.SetMapItemKey.Name,
	}
	file, err := syntax.Parse(fileName, t.CodeAsString(), syntax.BlockScanner)
	if err != nil {
		return nil, nil
	}
	template.NewProgramAST(file, set).InsertTplCtxs()
	program, err := starlark.FileProgram(file, func(name string) bool { return slices.Contains(bindings, name) })
	if err != nil {
		return nil, nil
	}
	return program, bindings
}

// stubModule is what the stub loads; no template can name it and get this far.
const stubModule = "@rhumb:program"

// makeStub writes the stub over the code of a template.
func makeStub(code []template.Line, bindings []string) {
	var set template.InstructionSet
	for i := range code {
		code[i] = template.Line{Instruction: set.NewCode("")}
	}
	code[0].Instruction = set.NewCode(`load("` + stubModule + `", "program")`)
	code[1].Instruction = set.NewCode("program(" + strings.Join(bindings, ", ") + ")")
}

// short evaluates what was compiled before. The whole way parses the template
// four times and copies the data five times to come to the same.
func (t *parsedTemplate) short(data *orderedmap.Map) (docs *yamlmeta.DocumentSet, err error) {
	if t.compiled == nil {
		return nil, errLong
	}
	defer func() {
		if recover() != nil {
			docs, err = nil, errLong
		}
	}()
	values := core.NewGoValueWithOpts(data, core.GoValueOpts{MapIsStruct: true}).AsStarlarkValue()
	api := yttlibrary.NewAPI(t.compiled.stub.TplReplaceNode, yttlibrary.NewDataModule(values, noFiles{}), starlark.StringDict{}, quiet)
	loader := &moduleLoader{api, t.compiled}
	_, result, err := t.compiled.stub.Eval(&starlark.Thread{Name: "template=" + fileName, Load: loader.Load}, loader)
	if err != nil {
		return nil, err
	}
	docs, ok := result.(*yamlmeta.DocumentSet)
	if !ok {
		return nil, errLong
	}
	return docs, nil
}

// run is what the stub calls, with its bindings.
func (c *compiled) run(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	bound := make(starlark.StringDict, len(args))
	for _, arg := range args {
		if builtin, ok := arg.(*starlark.Builtin); ok {
			bound[builtin.Name()] = builtin
		}
	}
	_, err := c.program.Init(thread, bound)
	return starlark.None, err
}

// moduleLoader loads ytt's own modules; there are no files beside the template.
type moduleLoader struct {
	api      yttlibrary.API
	compiled *compiled
}

func (l *moduleLoader) Load(_ *starlark.Thread, module string) (starlark.StringDict, error) {
	if module == stubModule {
		return starlark.StringDict{"program": starlark.NewBuiltin("program", l.compiled.run)}, nil
	}
	name, ok := strings.CutPrefix(module, "@ytt:")
	if !ok {
		return nil, fmt.Errorf("loading %s: %w", module, errLong)
	}
	return l.api.FindModule(name)
}

func (*moduleLoader) FindCompiledTemplate(string) *template.CompiledTemplate { return nil }

// noFiles is what data.list and data.read see.
type noFiles struct{}

func (noFiles) FilePaths(string) ([]string, error) { return nil, errLong }

func (noFiles) FileData(string) ([]byte, error) { return nil, errLong }
