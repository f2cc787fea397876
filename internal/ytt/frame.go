// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// A message is a letter and some fields; each field is its length and its bytes.
//
//	render  digest, text (empty if it was sent before), data
//	done    the object
//	failed  why
//	unknown
//	ready
const (
	msgRender  = 'r'
	msgDone    = 'd'
	msgFailed  = 'f'
	msgUnknown = 'u'
	msgReady   = 'h'
)

var fieldsOf = map[byte]int{msgRender: 3, msgDone: 1, msgFailed: 1, msgUnknown: 0, msgReady: 0}

type message struct {
	kind   byte
	fields [][]byte
}

// send writes a message at once: a small one is one write to the pipe.
func send(w io.Writer, kind byte, fields ...[]byte) error {
	size := 1
	for _, f := range fields {
		size += 4 + len(f)
	}
	out := append(make([]byte, 0, size), kind)
	for _, f := range fields {
		out = binary.BigEndian.AppendUint32(out, uint32(len(f)))
		out = append(out, f...)
	}
	_, err := w.Write(out)
	return err
}

// receive reads a message, none of whose fields is longer than most.
func receive(r *bufio.Reader, most int) (message, error) {
	kind, err := r.ReadByte()
	if err != nil {
		return message{}, err
	}
	n, known := fieldsOf[kind]
	if !known {
		return message{}, fmt.Errorf("no such message: %q", kind)
	}
	m := message{kind, make([][]byte, n)}
	for i := range m.fields {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return m, err
		}
		length := binary.BigEndian.Uint32(size[:])
		if int64(length) > int64(most) {
			return m, fmt.Errorf("a field of %d bytes, at most %d", length, most)
		}
		m.fields[i] = make([]byte, length)
		if _, err := io.ReadFull(r, m.fields[i]); err != nil {
			return m, err
		}
	}
	return m, nil
}
