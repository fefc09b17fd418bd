// SPDX-License-Identifier: Apache-2.0

// godwarf says what the debug information of a Go program says: the other opinion, in tests, on what
// anontap reads without it.
//
//	godwarf ELF QUERY...
//
// A query is "func NAME" (entry address), "size TYPE", or "TYPE FIELD.FIELD" (offset). One line each;
// "-" where there is no such thing.
package main

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"os"
	"strings"
)

type facts struct {
	data  *dwarf.Data
	funcs map[string]uint64
	types map[string]dwarf.Offset
}

func read(path string) (*facts, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	d, err := f.DWARF()
	if err != nil {
		return nil, err
	}
	a := &facts{d, map[string]uint64{}, map[string]dwarf.Offset{}}
	for r := d.Reader(); ; {
		e, err := r.Next()
		if err != nil || e == nil {
			return a, err
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		switch e.Tag {
		case dwarf.TagSubprogram:
			if pc, ok := e.Val(dwarf.AttrLowpc).(uint64); ok {
				a.funcs[name] = pc
			}
			r.SkipChildren()
		case dwarf.TagStructType:
			a.types[name] = e.Offset
			r.SkipChildren()
		}
	}
}

func structOf(t dwarf.Type) *dwarf.StructType {
	for {
		switch u := t.(type) {
		case *dwarf.TypedefType:
			t = u.Type
		case *dwarf.StructType:
			return u
		default:
			return nil
		}
	}
}

func (a *facts) answer(query string) string {
	what, rest, _ := strings.Cut(query, " ")
	if what == "func" {
		if pc, ok := a.funcs[rest]; ok {
			return fmt.Sprint(pc)
		}
		return "-"
	}
	name := what
	if what == "size" {
		name = rest
	}
	off, ok := a.types[name]
	if !ok {
		return "-"
	}
	t, err := a.data.Type(off)
	if err != nil {
		return "-"
	}
	if what == "size" {
		return fmt.Sprint(t.Size())
	}
	sum := int64(0)
	for _, field := range strings.Split(rest, ".") {
		s := structOf(t)
		if s == nil {
			return "-"
		}
		t = nil
		for _, f := range s.Field {
			if f.Name == field {
				sum += f.ByteOffset
				t = f.Type
			}
		}
		if t == nil {
			return "-"
		}
	}
	return fmt.Sprint(sum)
}

func main() {
	a, err := read(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, q := range os.Args[2:] {
		fmt.Println(a.answer(q))
	}
}
